"""Programs that misbehave, written where a test wants them."""

import sys
import textwrap
from pathlib import Path

from .matrix import QUICK

_PRELUDE = """#!{python} -IS
import os, signal, sys, time

FOLDER = {folder!r}


def note():
    # Whoever looks for what is left finds it here, whatever became of its environment.
    with open("/proc/self/stat") as file:
        began = file.read().rpartition(")")[2].split()[19]
    with open(FOLDER + "/pids", "a") as file:
        file.write(f"{{os.getpid()}} {{began}}\\n")


def read():
    while os.read(0, 1 << 20):
        pass


def say(text):
    write(1, text.encode())


def write(stream, data):
    while data:
        data = data[os.write(stream, data):]


def flood(stream, size=100_000_000):
    chunk = (b"x" * 79 + b"\\n") * 8192
    while size > 0:
        write(stream, chunk)
        size -= len(chunk)


def line(size):
    chunk = b"x" * (1 << 20)
    while size > 0:
        write(1, chunk[:size])
        size -= len(chunk)


def hostile():
    write(1, b"\\0\\x1b[31mred\\x1b]52;c;ZXZpbA==\\x07\\x1b]0;title\\x1b\\\\\\x9b2J\\r\\x08\\x7f")
    write(1, "\\u202etxet\\u2066 \\u2028 \\U000e0041".encode())
    write(1, b"after it all \\xe2\\x82")


def deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def quiet():
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def fork():
    return os.fork()


def ready():
    os.close(os.open(FOLDER + "/ready", os.O_CREAT))


def until_ready():
    while not os.path.exists(FOLDER + "/ready"):
        time.sleep(0.005)


def hang():
    while True:
        time.sleep(1000)


"""
_ANSWERS = f"note(); read(); say({QUICK!r})"


def write_program(path: Path, source: str = _ANSWERS) -> None:
    """An executable that does what the source says, with the words defined above."""
    prelude = _PRELUDE.format(python=sys.executable, folder=str(path.parent))
    path.write_text(prelude + textwrap.dedent(source).strip() + "\n")
    path.chmod(0o755)
