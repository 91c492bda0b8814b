"""Standard output through a file that is read as it grows.

Some programs end without waiting for what they have written to a pipe: where the reader is busy for a
moment, an answer of a few hundred kilobytes loses its end, and the exit code is 0 all the same. Claude Code
and Gemini CLI do. A file takes all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lok_core.interfaces import Run
from lok_core.models import Finished

_INTERVAL_S = 0.1


async def command_through_file(
    run: Run,
    argv: Sequence[str | Path],
    *,
    stdin: bytes,
    cwd: Path,
    env: Mapping[str, str],
    on_stdout: Callable[[bytes], None],
    cap_bytes: int,
) -> Finished:
    """`run.command`, for one program of a run; `Finished.stdout` is empty."""
    import trio  # not at the top: listing the commands imports this module

    path = run.folder / "stdout"
    path.touch(mode=0o600)
    # Removed before the program starts: it may work in that folder and come across its own output.
    shell = ["/bin/sh", "-c", 'exec >"$0"; rm "$0"; exec "$@"', path, *argv]
    with path.open("rb") as output:

        def take() -> None:
            while chunk := output.read(65_536):
                run.alive()
                on_stdout(chunk)

        async def follow() -> None:
            while True:
                take()
                await trio.sleep(_INTERVAL_S)

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(follow)
                finished = await run.command(shell, stdin=stdin, cwd=cwd, env=env, cap_bytes=cap_bytes)
                nursery.cancel_scope.cancel()
        finally:
            take()  # cancelled as well: what was said must not be lost
    return finished
