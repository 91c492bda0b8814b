"""A real executable on PATH whose behaviour a test scripts."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define

_PROGRAM = """#!{python} -IS
import json, os, signal, stat, sys, time

with open({scenario!r}) as file:
    scenario = json.load(file)
RECORD, READY = {record!r}, {ready!r}
stdout, stderr = (
    [chunk.encode("latin-1") for chunk in scenario[stream]] for stream in ("stdout", "stderr")
)


def note(**seen):
    # In one call: several of these programs may be at work.
    line = json.dumps({{"pid": os.getpid(), **seen}}) + "\\n"
    record = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(record, line.encode())
    os.close(record)


def text(data):
    return data.decode("utf-8", "surrogateescape")


def files():
    # What lok wrote into the private folder of this request.
    found = {{}}
    for folder, _, names in os.walk(os.environ.get("TMPDIR", "") if "LOK_RUN_ID" in os.environ else ""):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.relpath(os.path.join(folder, name), os.environ["TMPDIR"])] = text(file.read())
    return found


def write(stream, data):
    while data:
        data = data[os.write(stream, data):]


def taken():
    # Waits until lok has read all of standard output so far, from a pipe or from a file.
    mine = os.fstat(1)
    if stat.S_ISFIFO(mine.st_mode):
        import array, fcntl, termios
        waiting = array.array("i", [0])
        while not fcntl.ioctl(1, termios.FIONREAD, waiting) and waiting[0]:
            time.sleep(0.002)
        return
    while behind(mine):
        time.sleep(0.002)


def behind(mine):
    lok = f"/proc/{{os.getppid()}}"
    for number in os.listdir(f"{{lok}}/fd"):
        try:
            if os.path.samestat(os.stat(f"{{lok}}/fd/{{number}}"), mine):
                with open(f"{{lok}}/fdinfo/{{number}}") as file:
                    return int(file.readline().split()[1]) < os.lseek(1, 0, os.SEEK_CUR)
        except OSError:
            pass
    return False


def answer(token=b"token"):
    for chunk in stdout:
        write(1, chunk.replace(b"{{token}}", token))
        if len(stdout) > 1:
            taken()
    for chunk in stderr:
        write(2, chunk)


def flood(stream, size):
    chunk = (b"x" * 79 + b"\\n") * 1024
    while size > 0:
        write(stream, chunk)
        size -= len(chunk)


def deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def grandchild():
    # One that keeps everything open that it was given, and stays.
    if os.fork() == 0:
        deaf()
        note(child=True)
        ready("child")
        hang()
    until_ready("child")


def ready(name="ready"):
    os.close(os.open(READY + name, os.O_CREAT))


def until_ready(name="ready"):
    while not os.path.exists(READY + name):
        time.sleep(0.002)


def together(count):
    # Waits until so many of these programs are at work.
    while len({{json.loads(line)["pid"] for line in open(RECORD)}}) < count:
        time.sleep(0.002)


def hang():
    while True:
        time.sleep(60)


given = sys.stdin.buffer.read() if scenario["reads"] else b""
note(argv=sys.argv[1:], stdin=text(given), cwd=os.getcwd(), env=dict(os.environ), files=files())
{source}
if scenario["hangs"]:
    hang()
sys.exit(scenario["code"])
"""

Chunks = str | bytes | Sequence[str | bytes]
"""What a program writes: all of it at once, or pieces of which lok reads each before the next is written."""


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
        stdout: Chunks = "",
        stderr: Chunks = "",
        code: int = 0,
        reads: bool = True,
        hangs: bool = False,
        source: str = "answer()",
    ) -> FakeCli:
        """Writes the program.

        Args:
            stdout, stderr: what it writes, after it has read all of its input.
            code: its exit code.
            reads: whether it reads its input at all.
            hangs: whether it stays for ever once it has written.
            source: Python that it runs once it has read its input. `answer()` writes `stdout` and `stderr`,
                `write(1, data)` other bytes, `flood(2, size)` that many; `taken()` waits until lok has read
                its output, `ready()` tells `is_ready`, `grandchild()` starts a process that stays and holds
                its output open, `deaf()` ignores signals, `hang()` stays for ever, `together(2)` waits until
                two of it are at work.
        """
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder / name)
        scenario = {
            "stdout": _pieces(stdout),
            "stderr": _pieces(stderr),
            "code": code,
            "reads": reads,
            "hangs": hangs,
        }
        made._beside("scenario.json").write_text(json.dumps(scenario))
        made.path.write_text(
            _PROGRAM.format(
                python=sys.executable,
                scenario=str(made._beside("scenario.json")),
                record=str(made._record),
                ready=str(made._beside("")),
                source=textwrap.dedent(source).strip(),
            )
        )
        made.path.chmod(0o755)
        return made

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Each start so far: `argv` without the program, `stdin`, `cwd`, `env`, `pid`, and `files`, what lay
        in the private folder, by path."""
        return [entry for entry in self._noted() if "argv" in entry]

    @property
    def pids(self) -> list[int]:
        """The processes so far, what it started itself included."""
        return [entry["pid"] for entry in self._noted()]

    @property
    def is_ready(self) -> bool:
        """Whether its source has come to `ready()`."""
        return self._beside("ready").exists()

    def _noted(self) -> list[dict[str, Any]]:
        if not self._record.exists():
            return []
        return [json.loads(line) for line in self._record.read_text().splitlines()]

    @property
    def _record(self) -> Path:
        return self._beside("calls.jsonl")

    def _beside(self, what: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{what}")


def _pieces(chunks: Chunks) -> list[str]:
    """As JSON, which knows no bytes."""
    pieces = [chunks] if isinstance(chunks, (str, bytes)) else chunks
    every = (one.encode("utf-8", "surrogateescape") if isinstance(one, str) else one for one in pieces)
    return [one.decode("latin-1") for one in every]
