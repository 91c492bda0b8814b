"""Writing to standard output, standard error and files so that nothing is lost and nothing breaks off."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from lok_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lok_core.lok import Registry


_loaded: dict[str, Registry] = {}


def complain(message: str, hint: str = "") -> None:
    """An error for a person, with the way out."""
    from lok_core.sanitize import clean_line

    say(f"error: {clean_line(message)}")
    if hint:
        say(f"hint: {clean_line(hint)}")


def say(line: str) -> None:
    """A line on standard error; one that is closed is no reason to stop."""
    from lok_core.sanitize import clean

    if sys.stderr is None:  # started with a closed standard error; print would take standard output instead
        return
    with contextlib.suppress(OSError, ValueError):
        print(clean(line), file=sys.stderr, flush=True)


def write_stdout(text: str) -> None:
    """Text on standard output; a reader that has gone (`| head`) ends it quietly.

    Raises:
        UsageError: it cannot be written for another reason, such as a full disk.
    """
    # Not sys.stdout, which is standard error while plugins work: what they print is no part of the report.
    if sys.__stdout__ is None:  # started with a closed standard output
        return
    try:
        # Bytes, since the encoding of the terminal may lack what the text holds.
        sys.__stdout__.flush()
        sys.__stdout__.buffer.write(text.encode("utf-8", errors="backslashreplace"))
        sys.__stdout__.buffer.flush()
    except BrokenPipeError:
        quiet_stdout()
    except OSError as error:
        quiet_stdout()
        raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def load_plugins(env: Mapping[str, str], *, warn: bool = True) -> Registry:
    """The installed plugins, loaded once in a process.

    Args:
        warn: whether what is wrong with some of them is told on standard error, once.
    """
    from lok_core import lok as lok_face

    disabled = env.get(lok_face.DISABLE, "")
    if disabled not in _loaded:
        with contextlib.redirect_stdout(
            sys.stderr
        ):  # a plugin that prints on import must not spoil the report
            _loaded[disabled] = lok_face.installed(env)
        if warn:
            for line in lok_face.troubles(_loaded[disabled]):
                say(f"warning: {line}")
    return _loaded[disabled]


def quiet_stdout() -> None:
    """Sends what is still written to standard output nowhere, the flush at exit included."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def write_file(path: Path, text: str) -> None:
    """The file with that content, whole or not at all.

    Raises:
        OSError: it cannot be written; then nothing has changed.
    """
    if path.exists() and not path.is_file():  # /dev/stdout, a FIFO: nothing to replace
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        return
    import tempfile  # here, since it is slow to import and most runs write no file

    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.chmod(temporary, _mode_for(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode_for(target: str) -> int:
    with contextlib.suppress(FileNotFoundError):
        return os.stat(target).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
