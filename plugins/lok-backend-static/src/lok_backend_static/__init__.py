"""Static analysis as a lok backend: leads from ruff, ast-grep and a secrets scan."""

from __future__ import annotations

from lok_core import Backend, hookimpl

__version__ = "0.1.0"


@hookimpl
def lok_register_backends() -> list[type[Backend]]:
    from lok_backend_static.backend import Static

    return [Static]
