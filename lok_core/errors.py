"""What can go wrong, as exceptions that say how to go on.

::

    LokError                    message, hint, exit code
    ├── UsageError              the command line asks for what cannot be done (exit 2)
    │   ├── ConfigError         lok.toml is wrong; tells everything that is
    │   └── UnknownNameError    no backend, task or format of that name
    ├── PluginError             a plugin that was asked for cannot be used (exit 2)
    ├── NoBackendError          nobody there to answer (exit 3)
    └── BackendError            a backend could not answer; the engine turns it into a Failure

The exit codes of the command line are in `ExitCode`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

PLUGIN_FAULTS = (Exception, SystemExit)
"""What code of a plugin may raise that must not take lok along; Ctrl-C and cancellation still pass."""


class LokDeprecationWarning(DeprecationWarning):
    """Something of lok's that goes away was used: the message says what takes its place, and until when.

    `lok plugins -v` shows those that a plugin causes as it is loaded.
    """


class ExitCode(IntEnum):
    """Exit codes of the `lok` command; a signal other than SIGINT ends it with 128 + its number."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    NO_ANSWER = 3
    INTERNAL = 4
    INCOMPLETE = 5
    INTERRUPTED = 130


class LokError(Exception):
    """A failure with a message for a person and, where there is one, a way out.

    Attributes:
        message: one line, lower case, without a full stop.
        hint: what to do about it; empty if nothing useful can be said.
        exit_code: what the command line exits with.
    """

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def hide(self, mask: Callable[[str], str]) -> None:
        """Takes secrets out of what it says.

        Args:
            mask: takes them out of a text.
        """
        self.message, self.hint = mask(self.message), mask(self.hint)
        self.args = (self.message,)


class UsageError(LokError):
    """The request itself is wrong: a missing directory, an empty prompt, a bad option value."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """The configuration is wrong.

    Attributes:
        problems: everything that is, one line each, with its place.
    """

    def __init__(self, problems: Sequence[str], hint: str = "") -> None:
        count = len(problems)
        super().__init__(problems[0] if count == 1 else f"{count} mistakes in the configuration", hint)
        self.problems = tuple(problems)

    def hide(self, mask: Callable[[str], str]) -> None:
        super().hide(mask)
        self.problems = tuple(map(mask, self.problems))


class UnknownNameError(UsageError):
    """Nothing of this kind is called so; the hint names the nearest, or everything there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        import difflib  # only a failing command pays for it

        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif names:
            hint = f"installed {kind}s: {', '.join(names)}"
        else:
            hint = f"no {kind} is installed"
        super().__init__(f"no {kind} named {name!r}", hint)


class PluginError(LokError):
    """What was asked for is a plugin's, and cannot be used: two offer it, or it breaks when it is made."""

    exit_code = ExitCode.USAGE


class NoBackendError(LokError):
    """No backend is there that could answer."""

    exit_code = ExitCode.NO_ANSWER


class BackendError(LokError):
    """A backend could not answer, for a known kind of reason.

    Args:
        kind: one of `lok_core.FAILURE_KINDS`.
        message: what happened, for a person; names the key, command or model concerned.
        hint: the one thing to do about it.
        retry_after_s: seconds after which the provider allows another attempt, if it said so.
    """

    exit_code = ExitCode.NO_ANSWER

    def __init__(self, kind: str, message: str, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(str(message), str(hint))
        self.kind = str(kind)
        self.retry_after_s = retry_after_s
