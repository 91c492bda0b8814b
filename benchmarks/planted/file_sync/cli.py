"""Keep two folders equal."""

from __future__ import annotations

import argparse
import fcntl
import sys
from pathlib import Path

from .apply import apply, plan
from .manifest import load, save, scan

STATE = Path(".sync", "manifest.json")


def synchronise(source: Path, target: Path, delete: bool, dry: bool) -> int:
    before = load(source / STATE)
    ours = scan(source, before)
    theirs = scan(target, load(target / STATE))
    steps = plan(ours, theirs, delete)
    for name in steps.copy:
        print(f"+ {name}")
    for name in steps.delete:
        print(f"- {name}")
    if dry:
        return 0
    failed = apply(steps, source, target)
    save(ours, source / STATE)
    save(ours, target / STATE)
    return 1 if failed else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--delete", action="store_true", help="remove what the source does not have")
    parser.add_argument("-n", "--dry-run", action="store_true")
    args = parser.parse_args(argv)
    if not args.source.is_dir():
        parser.error(f"{args.source} is no folder")

    lock = args.source / ".sync" / "lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another run is at work", file=sys.stderr)
            return 75
        return synchronise(args.source, args.target, args.delete, args.dry_run)


if __name__ == "__main__":
    sys.exit(main())
