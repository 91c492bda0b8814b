"""Writing to standard output, standard error and files so that nothing is lost and nothing breaks off."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def complain(message: str, hint: str = "") -> None:
    """An error for a person, with the way out."""
    say(f"error: {message}")
    if hint:
        say(f"hint: {hint}")


def say(line: str) -> None:
    """A line on standard error; one that is closed is no reason to stop."""
    from lok_core.sanitize import clean

    with contextlib.suppress(OSError, ValueError):
        print(clean(line), file=sys.stderr, flush=True)


def write_stdout(text: str) -> None:
    """Text on standard output; a reader that has gone (`| head`) ends it quietly."""
    if sys.stdout is None:  # started with a closed standard output
        return
    try:
        # Bytes, since the encoding of the terminal may lack what the text holds.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", errors="backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        quiet_stdout()


def quiet_stdout() -> None:
    """Sends what is still written to standard output nowhere, the flush at exit included."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_file(path: Path, text: str) -> None:
    """The file with that content, whole or not at all.

    Raises:
        OSError: it cannot be written; then nothing has changed.
    """
    if path.exists() and not path.is_file():  # /dev/stdout, a FIFO: nothing to replace
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        return
    import tempfile  # here, since it is slow to import and most runs write no file

    target = path.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.chmod(temporary, _mode_for(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode_for(target: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
