"""The command line: the only place that prints, exits, handles signals or reads the environment."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command in `sys.argv` and exits with one of `ExitCode`, or 128 + a signal's number."""
    if sys.argv[1:] == ["--version"]:
        # Before anything is imported that this does not need: editors and scripts ask it often.
        from lok_core import __version__

        try:
            print(f"lok {__version__}", flush=True)
            return
        except OSError:
            pass  # the long way knows what to do about it
    try:
        from lok_core.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    from lok_core.cli.output import settle_stderr

    settle_stderr()
    sys.exit(code)
