"""Writing to standard output, standard error and files so that nothing is lost and nothing breaks off."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, TextIO

from lok_core.errors import UsageError
from lok_core.files import destination

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lok_core.lok import Registry


_loaded: dict[str, Registry] = {}
_secrets: set[str] = set()
_NAME_LENGTH = 100  # of a temporary file: with what is added, a name must not become too long


def hide(values: Iterable[str]) -> None:
    """From now on `say` shows none of these values: errors and tracebacks may hold anything.

    Reports and events come without them.
    """
    from lok_core.sanitize import ORDINARY_WORDS

    new = set(values) - _secrets
    _secrets.update(new)
    for word in sorted(value for value in new if value.strip() in ORDINARY_WORDS):
        names = sorted(name for name, value in os.environ.items() if value == word)
        where = ", ".join(names) or "a key in lok.toml"
        say(f"warning: {where} holds the ordinary word {word.strip()!r}, which is not masked")


def hidden(text: str) -> str:
    """The text without the values that `hide` was told of."""
    from lok_core.sanitize import mask

    return mask(text, _secrets)


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
    try:
        print(clean(hidden(line)), file=sys.stderr, flush=True)
    except BlockingIOError:
        pass  # the rest goes out with the next line
    except OSError:
        _quiet(sys.stderr)
    except ValueError:  # it has been closed meanwhile
        pass


def write_stdout(text: str) -> None:
    """Text on standard output; a reader that has gone (`| head`) ends it quietly.

    Raises:
        UsageError: it cannot be written for another reason, such as a full disk.
    """
    # Not sys.stdout, which is standard error while plugins work: what they print is no part of the report.
    if sys.__stdout__ is None:  # started with a closed standard output
        return
    try:
        sys.__stdout__.flush()
        # Bytes, since the encoding of the terminal may lack what the text holds.
        _write_all(sys.__stdout__.fileno(), text.encode("utf-8", errors="backslashreplace"))
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
        hide(lok_face.declared_secrets(_loaded[disabled], env))
        if warn:
            for line in lok_face.troubles(_loaded[disabled]):
                say(f"warning: {line}")
    return _loaded[disabled]


def _write_all(descriptor: int, data: bytes) -> None:
    """Writes to the end, whatever stands behind it: one write may take a part, and no more for a while."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody who shares it has made it so
            import select

            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT)
            waiting.poll()


def quiet_stdout() -> None:
    """Sends what is still written to standard output nowhere, the flush at exit included."""
    if sys.__stdout__ is not None:
        _quiet(sys.__stdout__)


def settle_stderr() -> None:
    """Writes what standard error still holds, or drops it: Python's own flush at exit would change the exit
    code."""
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            _quiet(sys.stderr)


def _quiet(stream: TextIO) -> None:
    """Sends what is still written to it nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_file(path: Path, text: str, directory: Path | None = None) -> None:
    """The file with that content, whole or not at all.

    Args:
        directory: what the run is about; `destination` says which links are refused.

    Raises:
        OSError: it cannot be written; then nothing has changed.
    """
    target = destination(path, [directory] if directory else [])
    if path.exists() and not path.is_file():  # /dev/stdout, a FIFO: nothing to replace
        _write_special(path, text)
        return
    import tempfile  # here, since it is slow to import and most runs write no file

    folder, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name[:_NAME_LENGTH]}.")
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.chmod(temporary, _mode_for(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _write_special(path: Path, text: str) -> None:
    try:
        # Without waiting for somebody who reads: a FIFO may have come with the code.
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise OSError(errno.ENXIO, "nobody reads from it") from error
    os.set_blocking(descriptor, True)
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _mode_for(target: str) -> int:
    with contextlib.suppress(FileNotFoundError):
        return os.stat(target).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
