"""Where an endpoint is, with which key, and on which way: read from the environment that lok hands in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from lok_core import BackendError

OPENAI = "https://api.openai.com/v1"
_KEY = "OPENAI_API_KEY"
_URL = "OPENAI_BASE_URL"
_EXAMPLE = 'a table in lok.toml with use = "openai" and base_url = "http://localhost:11434/v1"'


@frozen
class Address:
    """An endpoint as it is configured.

    Attributes:
        name: of the backend.
        base_url, key_env: as in its table.
    """

    name: str
    base_url: str | None
    key_env: str | None

    @property
    def key_names(self) -> tuple[str, ...]:
        """The variable that holds its key, if there is one."""
        if self.key_env is not None:
            return (self.key_env,)
        # The key of one server is no other's business: with an address of its own, a table names its key too.
        return (_KEY,) if self.base_url is None else ()

    def url(self, env: Mapping[str, str]) -> str:
        """The address, without a slash at its end.

        Raises:
            BackendError: the variable holds none.
        """
        given = self.base_url or env.get(_URL) or OPENAI
        if problem := problem_of(given):
            raise BackendError("invalid", f"{_URL} cannot be used: {problem}", f"export {_URL}={OPENAI}")
        return given.rstrip("/")

    def key(self, env: Mapping[str, str]) -> str | None:
        """The key to send; None where none is needed.

        Raises:
            BackendError: `auth`; it is not there, or would go unencrypted to where nobody said it should.
        """
        url = self.url(env)
        for name in self.key_names:
            if key := env.get(name, "").strip():
                if not (key.isascii() and key.isprintable()):
                    raise BackendError(
                        "auth",
                        f"{name} holds no key: there is a line break in it, or a letter that no key has",
                        f"export {name}=... once more, with the key alone",
                    )
                self._check_way(name, url)
                return key
            if self.key_env is not None or url == OPENAI:
                other = f", or {_EXAMPLE}" if self.key_env is None else ""
                raise BackendError("auth", f"{name} is not set", f"export {name}=...{other}")
        return None

    def _check_way(self, name: str, url: str) -> None:
        parts = urlsplit(url)
        told = self.base_url is not None and self.key_env is not None
        if parts.scheme == "http" and not told and not is_here(parts):
            raise BackendError(
                "auth",
                f"{name} is not sent unencrypted to {parts.hostname}",
                f"use https, or allow it by base_url and key_env in [backends.{self.name}] of lok.toml",
            )


def problem_of(url: str) -> str:
    """Why a text cannot be the address of an endpoint; empty if it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{error} in the address {url!r:.100}"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"an address such as http://localhost:11434/v1 is expected, not {url!r:.100}"
    labels = parts.hostname.removesuffix(".").split(".")
    if not all(0 < len(label) < 64 for label in labels):
        return f"no host is called {parts.hostname!r:.100}; an address is http://localhost:11434/v1, say"
    if "@" in parts.netloc:
        return "a password does not belong into an address; key_env names the variable that holds a key"
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        return f"an address ends with its path (/v1), unlike {url!r:.100}"
    return ""


def is_variable(name: str) -> bool:
    """Whether that can be the name of an environment variable."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


def is_here(url: SplitResult) -> bool:
    """Whether the address is this machine's own."""
    from ipaddress import ip_address

    host = url.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def proxy(url: str, env: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for an address. This machine is reached without one."""
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    parts = urlsplit(url)

    def given(name: str) -> str:
        return env.get(name.lower()) or env.get(name.upper()) or ""

    found = given(f"{parts.scheme}_proxy") or given("all_proxy")
    if not found or is_here(parts) or proxy_bypass_environment(parts.netloc, {"no": given("no_proxy")}):
        return None
    return found if "://" in found else f"http://{found}"


def family(model: str | None) -> tuple[str, ...]:
    """What a model of that name may call itself ("qwen" for "qwen2.5-coder:7b")."""
    if model is None:
        return ()
    word = re.match(r"[A-Za-z]{3,}", model.rpartition("/")[2])
    return (model,) if word is None else (model, word[0])
