"""The backends of one run: their instances, who of them may be asked, what each may see, and their limits."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import Factory, define, field, frozen

from lok_core import sanitize
from lok_core.environment import child_environment, secret_values
from lok_core.errors import PLUGIN_FAULTS, UnknownNameError
from lok_core.interfaces import Backend
from lok_core.models import BackendInfo, Profile


@frozen
class Limits:
    """How much at once, and for how long.

    Attributes:
        jobs: requests under way at once, over all backends.
        per_backend: requests under way at once on one backend.
        timeout_s: seconds for one request, retries included; infinity for none.
        timeouts_s, places: what holds for some backends instead of `timeout_s` and `per_backend`.
        attempts: how often a request is sent at the most.
        backoff_s: seconds before the second attempt; doubles with each further one.
        stalls_s: by backend, after how many seconds without a sign of life it is ended; only where its stream
            shows any.
        max_calls: attempts of language models in the whole run; None for no limit.
        max_tokens: tokens of the whole run, read and written, after which nothing more is started.
        deadline_s: seconds for the whole run; infinity for none.
        quota_wait_s: seconds that the run may wait in all until it may ask again.
    """

    jobs: int = 16
    per_backend: int = 4
    timeout_s: float = 300.0
    attempts: int = 3
    backoff_s: float = 1.0
    timeouts_s: Mapping[str, float] = field(factory=dict)
    places: Mapping[str, int] = field(factory=dict)
    stalls_s: Mapping[str, float] = field(factory=dict)
    max_calls: int | None = None
    max_tokens: int | None = None
    deadline_s: float = math.inf
    quota_wait_s: float = 0.0


@define
class Panel:
    """Instances by configured name, in an environment.

    Attributes:
        backends: the instances.
        env: lok's own environment; `environment` says what of it passes to a backend.
        named: the backends that the user asked for by name; then only these are eligible.
        problems: why a plugin's backend could not be made or looked at, by name.
        trusted: the directories whose content is trusted, as real paths.
        secrets: values that must not be shown, besides those of the variables that the backends declare.
        others: the profiles of what is installed and not at hand; their secrets are secrets all the same.
    """

    backends: Mapping[str, Backend]
    env: Mapping[str, str]
    named: tuple[str, ...] = ()
    problems: dict[str, str] = Factory(dict)
    trusted: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    others: tuple[Profile, ...] = ()
    _available: dict[str, bool] = Factory(dict)

    def __attrs_post_init__(self) -> None:
        for name in self.named:
            self.get(name)
        self.secrets |= secret_values(self.env, self.profiles)

    @property
    def profiles(self) -> list[Profile]:
        """Those of the backends, and of others that are installed."""
        return [*(backend.profile for backend in self.backends.values()), *self.others]

    def get(self, name: str) -> Backend:
        """The instance of that name.

        Raises:
            UnknownNameError: no backend is configured under that name.
        """
        if name not in self.backends:
            raise UnknownNameError("backend", name, self.backends)
        return self.backends[name]

    def infos(self, named: Sequence[str] = ()) -> tuple[BackendInfo, ...]:
        """Every configured backend, sorted by name.

        Args:
            named: those that a task names, where the user names none.
        """
        return tuple(self._info(name, self.named or named) for name in sorted(self.backends))

    def environment(self, backend: Backend, directory: Path | None = None) -> dict[str, str]:
        """What the processes of that backend get to see when they work on the directory."""
        others = {secret for profile in self.profiles for secret in profile.secrets}
        trusted = directory is not None and self.trusts(directory)
        return child_environment(self.env, backend.profile, others, trusted=trusted)

    def trusts(self, directory: Path) -> bool:
        """Whether the directory, or one above it, is trusted."""
        if not self.trusted:
            return False
        real = Path(os.path.realpath(directory))
        return any(real.is_relative_to(one) for one in self.trusted)

    def trust(self, directory: Path) -> None:
        """From now on the directory is trusted as well."""
        self.trusted = (*self.trusted, os.path.realpath(directory))

    def mask(self, text: str) -> str:
        """The text without the secrets of any backend."""
        return sanitize.mask(text, self.secrets)

    def _info(self, name: str, named: Sequence[str]) -> BackendInfo:
        backend = self.backends[name]
        if name not in self._available:
            try:
                self._available[name] = bool(backend.available(self.environment(backend)))
            except PLUGIN_FAULTS as error:
                self._available[name] = False
                self.problems[name] = f"available() raised {type(error).__name__}: {error}"
        profile, available = backend.profile, self._available[name]
        wanted = name in named if named else profile.asked_by_default
        return BackendInfo(
            name, backend.kind, profile, available, available and wanted and profile.answers_questions
        )
