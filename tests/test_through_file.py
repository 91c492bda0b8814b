"""Output that a pipe would lose."""

import os
import sys

import pytest

from lok_core import CommandBackend, CommandSpec, Finished, Request, Run
from lok_core.testing import run_lok

LONG = 300_000
# As programs of Node do: what the pipe does not take at once is dropped, and the exit code is 0.
HASTY = f"""#!{sys.executable}
import os
os.set_blocking(1, False)
os.write(1, b"x" * {LONG})
"""


@pytest.mark.parametrize(("way", "whole"), [("pipe", False), ("file", True)])
def test_a_program_that_ends_in_haste_loses_nothing_in_a_file(tmp_path, lok_env, way, whole):
    program = tmp_path / "hasty"
    program.write_text(HASTY)
    program.chmod(0o755)
    config = tmp_path / "lok.toml"
    config.write_text(f'[backends.hasty]\nuse = "command"\ncommand = "{program}"\nstdout = "{way}"\n')
    done = run_lok(["ask", "-c", config, "-b", "hasty", "-f", "json", "hi"], env=lok_env, cwd=tmp_path)
    (outcome,) = done.report["outcomes"]
    assert (len(outcome["reply"]["text"]) == LONG) == whole


class Looking(Run):
    """Starts the shell by itself, and keeps what its folder holds once the program runs."""

    def __init__(self, folder):
        self.folder, self.env = folder, dict(os.environ)

    async def command(self, argv, *, stdin=b"", cwd=None, env=None, on_stdout=None, cap_bytes=None):
        import trio

        done = await trio.run_process(
            [*map(str, argv)], stdin=stdin, cwd=cwd, env={**self.env, **(env or {})}
        )
        return Finished(done.returncode, b"", b"")

    def progress(self, activity):
        pass

    def text(self, chunk):
        pass

    def mask(self, text):
        return text


async def test_the_program_does_not_come_across_its_own_output(tmp_path):
    class Ls(CommandBackend):
        spec = CommandSpec(command="ls", args=("-a",), stdout="file", stdin="null")

    reply = await Ls("ls", Ls.Config()).query(Request("hi", tmp_path), Looking(tmp_path))
    assert reply.text.split() == [".", ".."]
