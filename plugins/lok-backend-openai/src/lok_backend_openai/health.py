"""Whether an endpoint is ready, without asking its model anything."""

from __future__ import annotations

import trio

from lok_backend_openai.address import Address
from lok_backend_openai.chat import opened
from lok_backend_openai.failures import Refused
from lok_core import BackendError, Health, Run

_LIMIT_S = 5.0
_UNLISTED = (404, 405, 501)  # of servers that do not tell their models


async def health(address: Address, model: str | None, run: Run) -> Health:
    """What the list of its models tells."""
    url, keyed = address.url(run.env), address.key(run.env) is not None
    try:
        with trio.fail_after(_LIMIT_S):
            async with opened(address, run, set()) as chat:
                try:
                    names = await chat.models()
                except Refused as error:
                    if model and error.status in _UNLISTED:
                        return Health(
                            ready=True, program=url, message=f"model {model}, which it does not list"
                        )
                    raise error.failure(address, url, key_sent=keyed) from error
                if model is None:
                    model = chat.only_of(names)
                elif model not in names and f"{model}:latest" not in names:  # the rest of a name to Ollama
                    raise chat.unknown(model, names)
    except trio.TooSlowError:
        return Health(ready=False, program=url, message=f"no answer within {_LIMIT_S:g} s")
    except BackendError as error:
        logged_in = False if error.kind == "auth" else None
        return Health(
            ready=False,
            program=None if url in error.message else url,
            logged_in=logged_in,
            message=error.message,
            hint=error.hint,
        )
    return Health(ready=True, program=url, logged_in=keyed or None, message=f"model {model}")
