"""A real executable on PATH whose behaviour a test scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from attrs import define

_PROGRAM = """#!{python} -IS
import json, os, sys, time
scenario = json.load(open({scenario!r}))
if scenario["reads"]:
    given = sys.stdin.buffer.read()
else:
    given = b""
with open({record!r}, "a") as record:
    record.write(json.dumps({{
        "argv": sys.argv[1:], "stdin": given.decode("utf-8", "surrogateescape"),
        "cwd": os.getcwd(), "env": dict(os.environ),
    }}) + "\\n")
for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
    stream.buffer.write(scenario[name].encode("utf-8", "surrogateescape"))
    stream.flush()
if scenario["hangs"]:
    while True:
        time.sleep(60)
sys.exit(scenario["code"])
"""


@define
class FakeCli:
    """One fake program.

    Attributes:
        path: the executable; its folder belongs on PATH.
    """

    path: Path

    @classmethod
    def make(
        cls,
        folder: Path,
        name: str,
        *,
        stdout: str = "",
        stderr: str = "",
        code: int = 0,
        reads: bool = True,
        hangs: bool = False,
    ) -> FakeCli:
        """Writes the program.

        Args:
            stdout, stderr: what it writes, after it has read all of its input.
            code: its exit code.
            reads: whether it reads its input at all.
            hangs: whether it stays for ever once it has written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder / name)
        scenario = {"stdout": stdout, "stderr": stderr, "code": code, "reads": reads, "hangs": hangs}
        made._scenario.write_text(json.dumps(scenario))
        made.path.write_text(
            _PROGRAM.format(python=sys.executable, scenario=str(made._scenario), record=str(made._record))
        )
        made.path.chmod(0o755)
        return made

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Each start so far: `argv` without the program, `stdin`, `cwd`, `env`."""
        if not self._record.exists():
            return []
        return [json.loads(line) for line in self._record.read_text().splitlines()]

    @property
    def _scenario(self) -> Path:
        return self.path.with_name(f".{self.path.name}.scenario.json")

    @property
    def _record(self) -> Path:
        return self.path.with_name(f".{self.path.name}.calls.jsonl")
