"""Standard output through a file that is read as it grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lok_core import Finished, Run

_INTERVAL_S = 0.1


class FileRun(Run):
    """A run whose one program writes to a file.

    Claude ends without waiting for what it has written to a pipe: where the reader is busy for a moment, an
    answer of a few hundred kilobytes loses its end, and the exit code is 0 all the same. A file takes all of
    it at once.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.env = run.env
        self.folder = run.folder

    async def command(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: bytes = b"",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        cap_bytes: int | None = None,
    ) -> Finished:
        import trio  # not at the top: listing the plugins imports this module

        path = self.folder / "stdout"
        path.touch(mode=0o600)
        shell = ["/bin/sh", "-c", 'exec "$@" >"$0"', path, *argv]
        with path.open("rb") as output:

            def take() -> None:
                while chunk := output.read(65_536):
                    if on_stdout is not None:
                        on_stdout(chunk)

            async def follow() -> None:
                while True:
                    take()
                    await trio.sleep(_INTERVAL_S)

            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(follow)
                    finished = await self._run.command(
                        shell, stdin=stdin, cwd=cwd, env=env, cap_bytes=cap_bytes
                    )
                    nursery.cancel_scope.cancel()
            finally:
                take()  # cancelled as well: what was said must not be lost
        return finished

    def progress(self, activity: str) -> None:
        self._run.progress(activity)

    def text(self, chunk: str) -> None:
        self._run.text(chunk)

    def mask(self, text: str) -> str:
        return self._run.mask(text)
