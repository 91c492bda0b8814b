"""One run of lok as a process with a fault in it, and what was wrong with it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from functools import cache, partial
from pathlib import Path

import jsonschema
from attrs import Factory, define

import lok_core
from lok_core.sanitize import clean

from .matrix import QUICK, Fault
from .programs import write_program

BUSY = 4  # times as long as on a machine with nothing else to do
_CHECKED = 10_000_000  # characters of standard output in which control characters are looked for
GONE_S = 2.0  # until all that a killed lok has left is gone; times BUSY


@define
class Verdict:
    """What was wrong with a run, in words; all empty if nothing was.

    Attributes:
        hung: it was not over in time.
        leaked: processes or folders that it left.
        lost: answers, or words of one, that are not in the report; or a report that is none.
        misjudged: a wrong kind, exit code or message.
        seconds: from start, or from the last signal, to the end.
    """

    hung: list[str] = Factory(list)
    leaked: list[str] = Factory(list)
    lost: list[str] = Factory(list)
    misjudged: list[str] = Factory(list)
    seconds: float = 0.0

    @property
    def wrong(self) -> dict[str, list[str]]:
        """Only what is wrong."""
        named = ("hung", "leaked", "lost", "misjudged")
        return {name: getattr(self, name) for name in named if getattr(self, name)}


def heed_signals() -> None:
    """Children inherit what is ignored here, as it is under nohup and in a shell's background jobs."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def environment(folder: Path) -> dict[str, str]:
    """What lok starts with: a HOME of its own and nothing else of the user's."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8"}


def state_folder(folder: Path) -> Path:
    """Where a lok with that environment keeps what it has to remember."""
    return folder / "home" / ".local" / "state" / "lok"


def carrying_mark_of(lok: int) -> list[int]:
    """Processes with the mark of the lok of that process id."""
    mark, found = b"\0LOK_RUN_ID=%d." % lok, []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in b"\0" + path.read_bytes() and int(path.parent.name) != lok:
                found.append(int(path.parent.name))
    return found


def noted(file: Path) -> list[int]:
    """Those of the processes which programs have written down that still run."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        pid, began = line.split()
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if fields[19] == began and fields[0] not in "ZX":
                found.append(int(pid))
    return found


def until(condition, seconds):
    """What other processes bring about; None if they do not in that time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)
    return value


class Started:
    """A lok under way, what it has said, and the certainty that nothing of it stays."""

    def __init__(self, argv, folder, *, given="", reader="", stdout=None, terminal=False, env=None):
        self.stderr_file = folder / "stderr"
        self.folder = folder
        self._said = bytearray()
        self._threads = []
        with ExitStack() as stack:
            err = stack.enter_context(self.stderr_file.open("wb"))
            out = stdout and stack.enter_context(open(stdout, "wb"))
            self._terminal = None
            if terminal:
                import pty

                self._terminal, inner = pty.openpty()
                stack.callback(os.close, inner)
                argv, ends = ["setsid", "-c", *argv], {"stdin": inner, "stderr": inner}
                self._thread(self._drain_terminal)
            else:
                ends = {"stdin": subprocess.PIPE, "stderr": err}
            self.process = subprocess.Popen(
                argv, cwd=folder, env=env or environment(folder), stdout=out or subprocess.PIPE, **ends
            )
        if not terminal:
            self._thread(self._feed, given.encode())
        if out is None:
            self._thread(self._read, reader)

    def _thread(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _feed(self, data):
        with suppress(BrokenPipeError):
            self.process.stdin.write(data)
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def _read(self, reader):
        with self.process.stdout as pipe:
            while chunk := os.read(pipe.fileno(), 1 << 20):
                self._said += chunk
                if reader == "head" and b"\n" in chunk:
                    return

    def _drain_terminal(self):
        with suppress(OSError), self.stderr_file.open("ab") as file:  # EIO: everybody has closed it
            while chunk := os.read(self._terminal, 65536):
                file.write(chunk)
                file.flush()

    @property
    def pid(self):
        return self.process.pid

    @property
    def stdout(self):
        return bytes(self._said)

    @property
    def stderr(self):
        return self.stderr_file.read_bytes()

    def ended(self, seconds):
        """Whether it has ended in that time, and nobody holds its output."""
        deadline = time.monotonic() + seconds
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()) + 1.0)
        return not any(thread.is_alive() for thread in self._threads)

    def left(self):
        """Processes that it has left, by their marks and by what they wrote down."""
        return sorted({*carrying_mark_of(self.pid), *noted(self.folder / "bin" / "pids")})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None
        for thread in self._threads:  # they close the pipes
            thread.join(5.0)


def tried(fault: Fault, folder: Path) -> Verdict:
    """Runs lok with that fault in a folder of its own, and looks at all that is left of it."""
    names = _laid_out(fault, folder)
    lok = [sys.executable, "-m", "lok_core"]
    argv = [*lok, "ask", "-d", "about", "-b", ",".join(names), "-f", fault.form, *fault.args, fault.prompt]
    if fault.shell:
        argv = ["/bin/sh", "-c", fault.shell, "sh", *argv]
    verdict = Verdict()
    env = {**environment(folder), "FAULTY": str(folder / "bin" / "faulty")}
    stdout = fault.stdout if fault.stdout.startswith("/") else None
    given = {"given": fault.given, "reader": fault.stdout, "stdout": stdout, "terminal": fault.terminal}
    with Started(argv, folder, env=env, **given) as started:
        begin = time.monotonic()
        if fault.send:
            begin = _signalled(fault, started, verdict)
        bound = fault.bound_s * BUSY - (time.monotonic() - begin)
        if not started.ended(max(bound, 1.0)):
            verdict.hung.append(
                f"not over after {fault.bound_s * BUSY:g} s; stderr: {started.stderr[-500:]!r}"
            )
            return verdict
        verdict.seconds = time.monotonic() - begin
        if fault.orphans:
            until(lambda: not started.left(), GONE_S * BUSY)
        verdict.leaked += [f"process {pid}: {_command(pid)}" for pid in started.left()]
    if not fault.orphans:
        running = state_folder(folder) / "running"
        left = list(running.iterdir()) if running.exists() else []
        verdict.leaked += [f"private folder {path}" for path in left]
    _judge(fault, folder, started, names, verdict)
    return verdict


def _laid_out(fault, folder):
    (folder / "bin").mkdir()
    (folder / "about").mkdir()
    path = folder / "bin" / "faulty"
    if fault.program:
        write_program(path, fault.program)
    names = ["faulty", *(f"faulty{number}" for number in range(2, fault.copies + 1))]
    table = f'use = "command"\ncommand = "{path}"\n{fault.table}\n'
    tables = [f"[backends.{name}]\n{table}" for name in names]
    asked = names[:1] if "--fallback" in fault.args else names
    if fault.beside:
        write_program(folder / "bin" / "quick")
        tables.append(f'[backends.quick]\nuse = "command"\ncommand = "{folder / "bin" / "quick"}"\n')
        asked = ["quick", *asked]
    config = folder / "home" / ".config" / "lok" / "lok.toml"
    environment(folder)
    config.parent.mkdir(parents=True)
    config.write_text("\n".join(tables))
    return asked


def _signalled(fault, started, verdict):
    """Sends the signals once the backend is at work and the other one has answered."""
    ready = started.folder / "bin" / "ready"
    shown = QUICK.encode() if fault.form == "text" else b""
    at_work = until(
        lambda: ready.exists() and b"quick: answered" in started.stderr and shown in started.stdout,
        fault.bound_s * BUSY,
    )
    if not at_work:
        verdict.hung.append(f"never at work; stderr: {started.stderr[-500:]!r}")
    begin = time.monotonic()
    first, *more = fault.send
    started.process.send_signal(first)
    for number in more:
        # Two of them in one instant may be seen as one.
        send = partial(started.process.send_signal, number)
        until(lambda send=send: started.process.poll() is not None or send(), 10.0)
    return begin


def _judge(fault, folder, started, names, verdict):
    """Compares what lok said with the table."""
    code, stdout, stderr = started.process.returncode, started.stdout, started.stderr.decode(errors="replace")
    if code != fault.exit_code:
        verdict.misjudged.append(f"exit code {code} instead of {fault.exit_code}; stderr: {stderr[-500:]!r}")
    if "Traceback" in stderr or "internal error" in stderr:
        verdict.misjudged.append(f"a traceback: {stderr[-1000:]!r}")
    shown = stdout.decode(errors="replace")
    if clean(shown[:_CHECKED]) != shown[:_CHECKED]:
        verdict.misjudged.append("standard output has control characters")
    if not fault.terminal and clean(stderr) != stderr:
        verdict.misjudged.append(f"standard error has control characters: {stderr[-500:]!r}")
    texts = [text for text in (fault.says, QUICK if fault.beside else "") if text]
    if not fault.kind:
        journal = "".join(file.read_text() for file in state_folder(folder).glob("runs/*.jsonl"))
        verdict.lost += [f"{text!r} is not in the journal" for text in texts if text not in journal]
    if fault.kind == "cancelled" and "lok resume " not in stderr:
        verdict.misjudged.append(f"nothing says how to go on: {stderr[-500:]!r}")
    if fault.form != "json" or not fault.kind:
        for text in (*texts, fault.shows):
            if fault.form == "text" and not fault.stdout and text not in shown:
                verdict.lost.append(f"{text!r} was not shown: {shown[-500:]!r}")
        if fault.message not in stderr:
            verdict.misjudged.append(f"{fault.message!r} was not said: {stderr[-500:]!r}")
        if fault.kind and f"{fault.kind}:" not in stderr and fault.kind != "answer":
            verdict.misjudged.append(f"{fault.kind} was not said: {stderr[-500:]!r}")
        return
    written = folder / "report.json"
    report = read_report(written.read_bytes() if written.exists() else stdout, started.stderr, verdict)
    if report is not None:
        _judge_report(fault, report, names, stderr, verdict)


def read_report(data: bytes, stderr: bytes, verdict: Verdict):
    """The report, if it is one by its schema."""
    try:
        report = json.loads(data)
        _validator().validate(report)
    except (ValueError, jsonschema.ValidationError) as error:
        verdict.lost.append(f"no report: {str(error)[:500]}; {data[-200:]!r}; stderr: {stderr[-500:]!r}")
        return None
    return report


def _judge_report(fault, report, names, stderr, verdict):
    """Compares a report with the table."""
    outcomes = {outcome["backend"]: outcome for outcome in report["outcomes"]}
    if fault.beside and _text(outcomes.pop("quick", None)) != QUICK:
        verdict.lost.append("what the other backend said")
    kinds = fault.kinds or (fault.kind,)
    found = {outcome.get("kind", "answer") for outcome in outcomes.values()}
    if not outcomes or found - set(kinds) or fault.kind not in found:
        told = [(name, one.get("kind"), one.get("message")) for name, one in outcomes.items()]
        verdict.misjudged.append(f"{told} instead of {kinds}")
    if missing := set(names) - {"quick"} - set(outcomes):
        verdict.lost.append(f"no outcome of {missing}")
    texts = [_text(outcome) for outcome in outcomes.values()]
    if not fault.kinds:
        wrong = [text for text in texts if fault.says not in text or len(text) < fault.size]
    else:
        wrong = [] if any(fault.says in text for text in texts) else texts
        wrong += [
            _text(one) for one in outcomes.values() if "kind" not in one and fault.says not in _text(one)
        ]
    verdict.lost += [f"{fault.says!r} is not in {text[-200:]!r} ({len(text)})" for text in wrong]
    messages = " ".join(outcome.get("message", "") for outcome in outcomes.values())
    if fault.message not in messages + stderr:
        verdict.misjudged.append(f"{fault.message!r} is not in {messages!r}")
    if bool(report["leaked"]) != fault.leaks:
        verdict.misjudged.append(f"leaked: {report['leaked']}")


def _text(outcome):
    if outcome is None:
        return None
    return outcome["partial"] if outcome["outcome"] == "failure" else outcome["reply"]["text"]


@cache
def _validator():
    return jsonschema.Draft202012Validator(lok_core.schema("lok.report/1"))


def _command(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return "gone"
