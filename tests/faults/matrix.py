"""The fault matrix: what can go wrong around a run, and what lok makes of it.

One table. The tests, the soak and the page `docs/faults.md` are made from it.
"""

import signal

from attrs import evolve, frozen

QUICK = "the quick answer"
"""What the other backend says, where there is one: whatever the fault, it must not be lost."""


@frozen
class Fault:
    """Something that goes wrong, and what comes of it.

    Attributes:
        name: tells it apart from the others.
        does: the fault, in words.
        kind: a kind of failure, or `answer`; empty if there is no report to say it.
        kept: what is not lost, in words.
        bound_s: seconds, on a machine with nothing else to do, from start (or the signal) to the end of lok.
        program: what the backend runs, Python; see `programs`. Empty: nothing is installed.
        says: what must be found in the answer, or in what a failure kept.
        size: how many characters of it there must be.
        shows: what standard output must contain besides, where the report is text.
        message: what the failure's message must contain, or the error's where there is no report.
        leaks: whether a process outlives its backend and has to be ended and reported.
        code: the exit code; None for the one that goes with the kind.
        args: further arguments of `lok ask`.
        table: further lines of the backend's table in lok.toml.
        shell: how a shell starts lok, which is `"$@"` in it.
        send: the signals that lok gets once the backend is at work.
        form: the format of the report.
        prompt: `-` for the one that is given on standard input.
        given: standard input of lok.
        terminal: whether lok has a terminal.
        stdout: a file that lok writes to, or `head`: a reader that goes away after the first line.
        beside: whether another backend answers at once.
        copies: how many backends run the program.
        kinds: where the copies may fare differently, what may become of them.
        orphans: whether lok itself has no chance to end anything: the guard does, right after.
    """

    name: str
    does: str
    kind: str
    kept: str = ""
    bound_s: float = 5.0
    program: str = ""
    says: str = ""
    size: int = 0
    shows: str = ""
    message: str = ""
    leaks: bool = False
    code: int | None = None
    args: tuple[str, ...] = ()
    table: str = ""
    shell: str = ""
    send: tuple[signal.Signals, ...] = ()
    form: str = "json"
    prompt: str = "q"
    given: str = ""
    terminal: bool = False
    stdout: str = ""
    beside: bool = False
    copies: int = 1
    kinds: tuple[str, ...] = ()
    orphans: bool = False

    @property
    def exit_code(self) -> int:
        """What lok exits with."""
        if self.code is not None:
            return self.code
        return 0 if self.kind == "answer" or self.beside or self.kinds else 3


LATE = ("--timeout", "1")
SAID = "what it said"
ALL = "the whole answer"

STUBBORN = """
deaf()
note()
read()
say("half of an ans")
if fork() == 0:
    os.setsid(); note(); quiet(); ready(); hang()
hang()
"""

PROGRAMS = (
    Fault(
        "ignores-sigterm",
        "ignores SIGTERM, SIGINT and SIGHUP, and says no more",
        "timeout",
        SAID,
        program="deaf(); note(); read(); say('half of an ans'); hang()",
        says="half of an ans",
        args=LATE,
    ),
    Fault(
        "grandchild-holds-stdout",
        "answers and exits, while a grandchild in its group keeps its output open",
        "answer",
        ALL,
        program="note(); read(); say('all there is')\nif fork() == 0:\n    note(); hang()",
        says="all there is",
    ),
    Fault(
        "grandchild-in-own-session",
        "answers and exits; a grandchild in a session of its own stays",
        "answer",
        ALL,
        program="""
            note(); read(); say("all there is")
            pid = fork()
            if pid == 0:
                os.setsid(); note(); quiet(); ready(); hang()
            until_ready()
        """,
        says="all there is",
        leaks=True,
    ),
    Fault(
        "leak-shown",
        "the same, with a report in text",
        "answer",
        ALL,
        program="""
            note(); read(); say("all there is")
            if fork() == 0:
                os.setsid(); note(); quiet(); ready(); hang()
            until_ready()
        """,
        form="text",
        says="all there is",
        shows="Left behind by faulty, and ended: ",
        leaks=True,
    ),
    Fault(
        "grandchild-in-own-session-holds-stdout",
        "the same, where the grandchild keeps the output open and ignores SIGTERM",
        "answer",
        ALL,
        program="""
            note(); read(); say("all there is"); deaf()
            if fork() == 0:
                os.setsid(); note(); ready(); hang()
            until_ready()
        """,
        says="all there is",
        leaks=True,
    ),
    Fault(
        "daemonises",
        "becomes a daemon (forks twice, a session of its own) and its first process exits well",
        "answer",
        ALL,
        program="""
            note(); read(); say("all there is")
            if fork() == 0:
                os.setsid(); note()
                if fork() == 0:
                    note(); os.chdir("/"); quiet(); ready(); hang()
                os._exit(0)
            until_ready()
        """,
        says="all there is",
        leaks=True,
    ),
    Fault(
        "leaves-many",
        "is ended by its deadline, with twenty processes in sessions of their own that ignore SIGTERM",
        "timeout",
        SAID,
        program="""
            deaf(); note(); read(); say("half of an ans")
            for _ in range(20):
                if fork() == 0:
                    os.setsid(); note(); quiet(); hang()
            hang()
        """,
        says="half of an ans",
        args=("--timeout", "2"),
        leaks=True,
    ),
    Fault(
        "closes-stdin",
        "closes its input at once, with a prompt of 5 MB on the way, and answers",
        "answer",
        ALL,
        program="note(); os.close(0); say('all there is')",
        prompt="-",
        given="x" * 5_000_000,
        says="all there is",
    ),
    Fault(
        "never-reads",
        "never reads the prompt, of 5 MB, and answers",
        "answer",
        ALL,
        program="note(); say('all there is')",
        prompt="-",
        given="x" * 5_000_000,
        says="all there is",
    ),
    Fault(
        "never-reads-and-hangs",
        "never reads the prompt, of 5 MB, and waits for something else",
        "timeout",
        SAID,
        program="note(); say('half of an ans'); hang()",
        prompt="-",
        given="x" * 5_000_000,
        args=LATE,
        says="half of an ans",
    ),
    Fault(
        "floods-stdout",
        "writes 100 MB to standard output",
        "answer",
        ALL,
        30.0,
        program="note(); read(); flood(1); say('the end')",
        says="the end",
        size=100_000_000,
    ),
    Fault(
        "floods-stderr",
        "writes 100 MB to standard error, and answers",
        "answer",
        ALL,
        10.0,
        program="note(); read(); flood(2); say('all there is')",
        says="all there is",
    ),
    Fault(
        "floods-both",
        "writes 100 MB to standard output and to standard error at once",
        "answer",
        ALL,
        30.0,
        program="""
            note(); read()
            pid = fork()
            flood(1 if pid else 2)
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            say("the end")
        """,
        says="the end",
        size=100_000_000,
    ),
    Fault(
        "never-ends",
        "writes to standard output for ever",
        "timeout",
        SAID,
        15.0,
        program="note(); read(); say('the beginning')\nwhile True:\n    say('x' * 79); time.sleep(0.001)",
        says="the beginning",
        args=LATE,
    ),
    Fault(
        "one-line",
        "answers with one line of 50 MB",
        "answer",
        ALL,
        20.0,
        program="note(); read(); line(50_000_000); say('the end')",
        says="the end",
        size=50_000_000,
    ),
    Fault(
        "one-json-line",
        "answers with one JSON object of 50 MB on a line",
        "answer",
        ALL,
        20.0,
        program="""
            note(); read()
            os.write(1, b'{"said": "'); line(50_000_000); say('the end"}')
        """,
        table='format = "jsonl"\nanswer = { path = "said" }',
        says="the end",
        size=50_000_000,
    ),
    Fault(
        "broken-json-line",
        "breaks off in the middle of a JSON object, and exits well",
        "empty",
        "the line, in the message",
        message="all the",
        program='note(); read(); say(\'{"said": "all the\')',
        table='format = "jsonl"\nanswer = { path = "said" }',
    ),
    Fault(
        "stops-itself",
        "stops itself (SIGSTOP)",
        "timeout",
        SAID,
        program="note(); read(); say('half of an ans'); os.kill(os.getpid(), signal.SIGSTOP)",
        says="half of an ans",
        args=LATE,
    ),
    Fault(
        "dies-by-signal",
        "dies by SIGSEGV in the middle of its answer",
        "crashed",
        SAID,
        program="note(); read(); say('half of an ans'); os.kill(os.getpid(), signal.SIGSEGV)",
        says="half of an ans",
        message="SIGSEGV",
    ),
    Fault(
        "says-nothing",
        "exits with 0 and says nothing",
        "empty",
        program="note(); read()",
    ),
    Fault(
        "says-blanks",
        "exits with 0 and says nothing but blanks and newlines",
        "empty",
        program="note(); read(); say('  \\n\\t\\n')",
    ),
    Fault(
        "good-answer-exit-1",
        "exits with 1 after a good answer",
        "crashed",
        "the whole answer, as what it said",
        program="note(); read(); say('all there is'); sys.exit(1)",
        says="all there is",
        message="exit code 1",
    ),
    Fault(
        "good-answer-exit-1-allowed",
        "the same, where the table says `ok_exit = [0, 1]`",
        "answer",
        ALL,
        program="note(); read(); say('all there is'); sys.exit(1)",
        table="ok_exit = [0, 1]",
        says="all there is",
    ),
    Fault(
        "quota-exit-0",
        "prints that the quota is used up, in place of an answer, and exits with 0",
        "quota",
        "the message",
        program="note(); read(); say('Error: You exceeded your current quota, please check your plan.')",
        message="exceeded your current quota",
        says="exceeded your current quota",
    ),
    Fault(
        "quota-stderr-exit-0",
        "prints it to standard error, says nothing else, and exits with 0",
        "quota",
        "the message",
        program="note(); read(); os.write(2, b'You exceeded your current quota.\\n')",
        message="exceeded your current quota",
    ),
    Fault(
        "speaks-of-quota",
        "gives an answer that speaks of quota messages",
        "answer",
        ALL,
        program="""
            note(); read()
            say("When the API says 'You exceeded your current quota', it means this:\\n")
            say("your account has no credit left.")
        """,
        says="no credit left",
    ),
    Fault(
        "hostile-bytes",
        "writes NUL, colours, a clipboard escape (OSC 52), text that runs backwards, half a character",
        "answer",
        "the words; nothing that a terminal obeys",
        program="note(); read(); hostile()",
        says="after it all",
    ),
    Fault(
        "hostile-bytes-shown",
        "the same, shown as text",
        "answer",
        "the words; nothing that a terminal obeys",
        program="note(); read(); hostile()",
        form="text",
        says="after it all",
    ),
    Fault(
        "hostile-bytes-in-failure",
        "the same as its last words on standard error, exit code 2",
        "crashed",
        "nothing that a terminal obeys",
        program="note(); read(); os.dup2(2, 1); hostile(); sys.exit(2)",
        form="text",
    ),
    Fault(
        "asks-on-terminal",
        "asks for a password on /dev/tty, as lok runs in a terminal",
        "answer",
        "it gets no terminal, and goes on without",
        program="""
            note(); read()
            try:
                tty = os.open("/dev/tty", os.O_RDWR)
            except OSError:
                say("no terminal here")
            else:
                os.write(tty, b"password: "); os.read(tty, 1)
        """,
        terminal=True,
        says="no terminal here",
    ),
    Fault("missing", "does not exist", "unavailable", message="does not exist"),
    Fault(
        "not-executable",
        "is not executable",
        "unavailable",
        program="say('never')",
        shell='chmod a-x "$FAULTY"; exec "$@"',
        message="",
    ),
    Fault(
        "directory",
        "is a directory",
        "unavailable",
        shell='mkdir "$FAULTY"; exec "$@"',
    ),
    Fault(
        "no-interpreter",
        "is a script whose interpreter is missing",
        "unavailable",
        shell='printf \'#!/nowhere/sh\\n\' >"$FAULTY"; chmod a+x "$FAULTY"; exec "$@"',
        message="interpreter",
    ),
    Fault(
        "garbage",
        "is no program at all",
        "unavailable",
        shell='printf \'garbage\\1\' >"$FAULTY"; chmod a+x "$FAULTY"; exec "$@"',
        message="no program for this system",
    ),
    Fault(
        "deletes-its-directory",
        "deletes the directory that it was asked about, and answers",
        "answer",
        ALL,
        program="note(); read(); os.rmdir(os.getcwd()); say('all there is')",
        says="all there is",
    ),
    Fault(
        "directory-gone-before-start",
        "starts after another one, in whose place it is asked, has deleted the directory",
        "invalid",
        "what the other one said",
        program="note(); read(); say('half of an ans'); os.rmdir(os.getcwd()); sys.exit(1)",
        args=("--fallback",),
        copies=2,
        kinds=("crashed", "invalid"),
        code=3,
        message="the working directory is gone",
        says="half of an ans",
    ),
    Fault(
        "few-descriptors",
        "twenty at once, with 64 file descriptors allowed (a soft limit: lok raises it)",
        "answer",
        ALL,
        15.0,
        program="note(); read(); say('all there is')",
        shell='ulimit -S -n 64; exec "$@"',
        args=("--jobs", "20"),
        copies=20,
        says="all there is",
    ),
    Fault(
        "no-descriptors",
        "twenty at once, with 40 file descriptors allowed (a hard limit: lok asks fewer at once)",
        "answer",
        ALL,
        15.0,
        program="note(); read(); say('all there is')",
        shell='ulimit -n 40; exec "$@"',
        args=("--jobs", "20"),
        copies=20,
        says="all there is",
    ),
    Fault(
        "hardly-any-descriptors",
        "three at once, with 16 file descriptors allowed (a hard limit): too few to start any",
        "crashed",
        program="note(); read(); say('all there is')",
        shell='ulimit -n 16; exec "$@"',
        copies=3,
        message="Too many open files",
    ),
    Fault(
        "disk-full-prompt",
        'gets its prompt of 1 MB as a file (`stdin = "file"`), and there is no room for it',
        "crashed",
        program="note(); read(); say('never')",
        table='stdin = "file"',
        prompt="-",
        given="x" * 1_000_000,
        shell='ulimit -f 128; exec "$@"',
        message="could not be written",
    ),
    Fault(
        "disk-full-output",
        "answers, and the file for the report lies on a full disk (`-o`)",
        "answer",
        "the report, on standard output",
        program="note(); read(); say('all there is')",
        args=("-o", "/dev/full"),
        code=2,
        message="No space left on device",
        says="all there is",
    ),
    Fault(
        "disk-full-files",
        "answers with 1 MB, and no file can be longer than 64 KB: neither the report's nor the journal's",
        "answer",
        "the report, on standard output",
        program="note(); read(); line(1_000_000); say('the end')",
        shell='ulimit -f 128; exec "$@"',
        args=("-o", "report.json"),
        code=2,
        message="could not be written",
        says="the end",
        size=1_000_000,
    ),
    Fault(
        "disk-full-stdout",
        "answers, and standard output goes to a full disk",
        "",
        "the answer, in the journal",
        program="note(); read(); say('all there is')",
        says="all there is",
        stdout="/dev/full",
        code=2,
        message="standard output cannot be written",
    ),
)

_SIGNALLED = Fault(
    "",
    "",
    "cancelled",
    "the other backend's answer, and what this one said",
    program=STUBBORN,
    says="half of an ans",
    beside=True,
    leaks=True,
)

LOK = (
    evolve(_SIGNALLED, name="sigint", does="SIGINT (Ctrl-C)", send=(signal.SIGINT,), code=130),
    evolve(
        _SIGNALLED,
        name="sigint-twice",
        does="SIGINT twice",
        kind="",
        kept="the other backend's answer, shown and in the journal",
        form="text",
        says="",
        send=(signal.SIGINT, signal.SIGINT),
        code=130,
        orphans=True,
    ),
    evolve(_SIGNALLED, name="sigterm", does="SIGTERM", send=(signal.SIGTERM,), code=143),
    evolve(
        _SIGNALLED, name="sighup", does="SIGHUP (the terminal is closed)", send=(signal.SIGHUP,), code=129
    ),
    evolve(
        _SIGNALLED,
        name="sigkill",
        does="SIGKILL",
        kind="",
        kept="the other backend's answer, shown and in the journal",
        form="text",
        says="",
        send=(signal.SIGKILL,),
        code=-signal.SIGKILL,
        orphans=True,
    ),
    Fault(
        "stdout-head",
        "the reader of standard output goes away after the first line (`\\| head -1`)",
        "",
        "all answers, in the journal",
        bound_s=10.0,
        program="note(); read(); flood(1, 3_000_000); say('the end')",
        says="the end",
        form="text",
        stdout="head",
        code=0,
        beside=True,
    ),
    Fault(
        "stdout-closed",
        "standard output is closed from the start (`>&-`)",
        "",
        "the answer, in the journal",
        program="note(); read(); say('all there is')",
        says="all there is",
        shell='exec "$@" >&-',
        code=0,
    ),
    Fault(
        "stderr-closed",
        "standard error is closed from the start (`2>&-`)",
        "answer",
        ALL,
        program="note(); read(); say('all there is')",
        shell='exec "$@" 2>&-',
        says="all there is",
        beside=True,
    ),
    Fault(
        "stdin-closed",
        "standard input is closed from the start (`<&-`)",
        "answer",
        ALL,
        program="note(); read(); say('all there is')",
        shell='exec "$@" <&-',
        says="all there is",
    ),
    Fault(
        "everything-closed",
        "all three are closed from the start, and the report goes to a file",
        "answer",
        ALL,
        program="note(); read(); say('all there is')",
        shell='exec "$@" <&- >&- 2>&-',
        args=("-o", "report.json"),
        says="all there is",
    ),
    Fault(
        "directory-gone",
        "its working directory is gone when it starts",
        "",
        shell='mkdir gone; cd gone; rmdir ../gone; exec "$@"',
        code=2,
        message="no working directory",
    ),
)

FAULTS = PROGRAMS + LOK
