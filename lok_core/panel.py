"""The backends of one run: their instances, who of them may be asked, and what each may see."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, define

from lok_core import sanitize
from lok_core.environment import child_environment, secret_values
from lok_core.errors import PLUGIN_FAULTS, UnknownNameError
from lok_core.interfaces import Backend
from lok_core.models import BackendInfo


@define
class Panel:
    """Instances by configured name, in an environment.

    Attributes:
        backends: the instances.
        env: lok's own environment; `environment` says what of it passes to a backend.
        named: the backends that the user asked for by name; then only these are eligible.
        problems: why a plugin's backend could not be made or looked at, by name.
    """

    backends: Mapping[str, Backend]
    env: Mapping[str, str]
    named: tuple[str, ...] = ()
    problems: dict[str, str] = Factory(dict)
    _available: dict[str, bool] = Factory(dict)
    _secrets: frozenset[str] = frozenset()

    def __attrs_post_init__(self) -> None:
        for name in self.named:
            self.get(name)
        profiles = [backend.profile for backend in self.backends.values()]
        self._secrets = frozenset(secret_values(self.env, profiles))

    def get(self, name: str) -> Backend:
        """The instance of that name.

        Raises:
            UnknownNameError: no backend is configured under that name.
        """
        if name not in self.backends:
            raise UnknownNameError("backend", name, self.backends)
        return self.backends[name]

    def infos(self) -> tuple[BackendInfo, ...]:
        """Every configured backend, sorted by name."""
        return tuple(self._info(name) for name in sorted(self.backends))

    def environment(self, backend: Backend) -> dict[str, str]:
        """What the processes of that backend get to see."""
        others = {
            secret
            for other in self.backends.values()
            if other is not backend
            for secret in other.profile.secrets
        }
        return child_environment(self.env, backend.profile, others, trusted=False)

    def mask(self, text: str) -> str:
        """The text without the secrets of any backend."""
        return sanitize.mask(text, self._secrets)

    def _info(self, name: str) -> BackendInfo:
        backend = self.backends[name]
        if name not in self._available:
            try:
                self._available[name] = bool(backend.available(self.environment(backend)))
            except PLUGIN_FAULTS as error:
                self._available[name] = False
                self.problems[name] = f"available() raised {type(error).__name__}: {error}"
        profile, available = backend.profile, self._available[name]
        wanted = name in self.named if self.named else profile.asked_by_default
        return BackendInfo(
            name, backend.kind, profile, available, available and wanted and profile.answers_questions
        )
