"""Backends that are command lines, run as their `CommandSpec` says.

Every adapter imports this module, and listing the commands imports every adapter: trio and the modules that
need it are imported by the functions that use them.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from attrs import evolve, frozen

from lok_core.command_arguments import arguments, level
from lok_core.command_spec import CommandConfig as CommandConfig
from lok_core.command_spec import CommandSpec
from lok_core.errors import BackendError
from lok_core.interfaces import Backend, Run
from lok_core.models import Health, Reply, Request
from lok_core.programs import find_program, package_program
from lok_core.reading import Reading as Reading
from lok_core.through_file import command_through_file

_MAX_ARGUMENT_BYTES = 100_000  # one argument beyond 128 KiB does not start at all
_KEPT_BYTES = 2**20  # of each stream, for error messages; the answer is read as it arrives
_VERSION_S = 10.0
_NOT_STARTED = (126, 127)  # what shells say of programs that they cannot start
_SAID = 200  # characters of what a broken program says
_WEEK_S = 7 * 86400.0

PLACEHOLDERS = ("prompt", "prompt_file", "model", "out_file", "work_dir", "folder", "timeout_s")
"""What `CommandSpec` describes; each stands in braces."""
_PLACEHOLDER = re.compile(rf"\{{({'|'.join(PLACEHOLDERS)})\}}")
_WITH_ENV = re.compile(rf"{_PLACEHOLDER.pattern}|\{{env:(\w+)\}}")
_PROMPT_ARGUMENT = re.compile(r"(--?[\w-]+=)?\{prompt\}")


@frozen
class Call:
    """How the program is started for one request.

    Attributes:
        told: the program and its arguments with `{prompt}` in the place of the prompt, for a reader.
    """

    argv: Sequence[str]
    told: Sequence[str]
    stdin: bytes
    env: Mapping[str, str]
    cwd: Path


class CommandBackend(Backend):
    """A backend that is a command line. Adapters give `spec`, and mostly a `Reading` of their own."""

    Config: ClassVar[type] = CommandConfig
    reading: ClassVar[type[Reading]] = Reading
    spec: CommandSpec

    def spec_for(self, request: Request, run: Run) -> CommandSpec:
        """The spec for this request; adapters add what depends on it, such as a schema's file."""
        return self.spec

    def prompt(self, request: Request) -> str:
        """The prompt as the program gets it; adapters disarm what it would interpret."""
        prompt = request.prompt
        for text, instead in self.spec.escapes.items():
            prompt = prompt.replace(text, instead)
        return self.spec.prompt.replace("{prompt}", prompt)

    def program(self, env: Mapping[str, str]) -> str:
        """The path of the program.

        Raises:
            BackendError: `unavailable`, with the command that installs it.
        """
        return self.__found(env)[0]

    def available(self, env: Mapping[str, str]) -> bool:
        try:
            self.program(env)
        except BackendError:
            return False
        return True

    async def check(self, run: Run) -> Health:
        import trio

        try:
            program = self.program(run.env)
            for template in (*self.spec.files.values(), *self.spec.env.values()):
                _filled(template, {}, run.env)
            env = {name: _filled(template, {}, run.env) for name, template in self.config.env.items()}
            with trio.move_on_after(_VERSION_S) as patience:
                finished = await run.command([program, "--version"], env=env)
        except BackendError as error:
            return Health(ready=False, message=error.message, hint=error.hint)
        if patience.cancelled_caught:
            message = f"did not tell its version within {_VERSION_S:g} s"
            hint = f"see why `{shlex.quote(program)} --version` hangs"
            return Health(ready=False, message=message, program=program, hint=hint)
        said = (finished.stdout + b"\n" + finished.stderr).decode(errors="replace")
        code = finished.returncode
        # A command of the user's own need not know --version; one that lok was tested with does.
        if code < 0 or code in _NOT_STARTED or (code and self.spec.known_good):
            last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
            message = f"exit code {code} on --version: {run.mask(last.strip())[:_SAID]}"
            hint = f"`{self.spec.install}` installs it anew" if self.spec.install else ""
            return Health(ready=False, message=message, program=program, hint=hint)
        where = "asked in trusted directories only" if self.spec.needs_trust else ""
        found = re.search(r"\d+(?:\.\d+)+[\w.+-]*", said)
        if found is None or code:
            message = ", ".join(filter(None, ("does not tell its version", where)))
            return Health(ready=True, message=message, program=program)
        version, known = found.group(), self.spec.known_good
        good = any(version == start or re.match(re.escape(start) + r"\D", version) for start in known)
        known_good = good if known else None
        return Health(ready=True, message=where, program=program, version=version, known_good=known_good)

    async def query(self, request: Request, run: Run) -> Reply:
        spec, call = self.__prepared(request, run)
        reading = self.reading(spec, request, run)
        start = run.command if spec.stdout == "pipe" else partial(command_through_file, run)
        finished = await start(
            call.argv,
            stdin=call.stdin,
            cwd=call.cwd,
            env=call.env,
            on_stdout=reading.feed,
            cap_bytes=_KEPT_BYTES,
        )
        reading.end()
        return reading.reply(finished)

    def planned(self, request: Request, run: Run) -> Sequence[str]:
        return self.__prepared(request, run)[1].told

    # Two underscores, so that no name of an adapter's clashes.

    def __prepared(self, request: Request, run: Run) -> tuple[CommandSpec, Call]:
        program, args = self.__found(run.env)
        spec = evolve(self.spec_for(request, run), command=program)
        if self.config.skip_lines:
            spec = evolve(spec, skip_lines=self.config.skip_lines)
        values = self.__values(request, run)
        spec = evolve(spec, usage_file=_filled(spec.usage_file, values))
        return spec, self.__call(spec, spec.args if args is None else args, values, request, run)

    def __found(self, env: Mapping[str, str]) -> tuple[str, Sequence[str] | None]:
        """The program's path, and the user's arguments for it, if there are any."""
        command, args = self.config.command or self.spec.command, self.config.args
        if os.path.basename(command) == "npx":
            return package_program(args or (), self.spec.command, env)
        if command.startswith("~/"):
            command = env.get("HOME", "") + command[1:]
        try:
            return find_program(command, env), args
        except BackendError as error:
            own = os.path.basename(command) == os.path.basename(self.spec.command)
            hint = f"`{self.spec.install}` installs it" if self.spec.install and own else error.hint
            raise BackendError(error.kind, error.message, hint) from None

    def __values(self, request: Request, run: Run) -> dict[str, str]:
        """The placeholders."""
        import trio

        # Cancelled, the deadline is minus infinity.
        left_s = max(1.0, min(trio.current_effective_deadline() - trio.current_time(), _WEEK_S))
        model = request.model or self.config.model
        return {
            "prompt": self.prompt(request),
            "prompt_file": str(run.folder / "lok-prompt.txt"),
            **({"model": model} if model else {}),
            "out_file": str(run.folder / "lok-out"),
            "work_dir": str(request.directory),
            "folder": str(run.folder),
            "timeout_s": str(int(left_s)),
        }

    def __call(
        self, spec: CommandSpec, args: Sequence[str], values: Mapping[str, str], request: Request, run: Run
    ) -> Call:
        held = level(self.name, spec, request.access)
        # One that is held to the prompt alone has no business in the directory.
        cwd = run.folder if "none" in (held, request.access) else request.directory
        if spec.needs_trust and cwd == request.directory and not run.trusted:
            raise BackendError(
                "unavailable",
                f"{os.path.basename(spec.command)} follows whatever configuration lies in the directory, "
                f"and {cwd} is not trusted",
                f"`lok trust {shlex.quote(str(cwd))}` if you trust what lies there, or ask another backend",
            )
        words = arguments(spec, args, self.config.extra_args, held, "model" in values)
        argv = [spec.command]
        for word in words:
            argv.append(self.__argument(word, argv, values))
        told = [spec.command, *(_filled(word, {**values, "prompt": "{prompt}"}) for word in words)]
        prompt = values["prompt"].encode(errors="replace")
        used = [*words, *spec.files.values(), *spec.env.values(), *self.config.env.values()]
        if spec.stdin == "file" or any("{prompt_file}" in template for template in used):
            _write(Path(values["prompt_file"]), prompt)
        if spec.stdin == "file":
            # What is given to `run.command` arrives through a pipe; only a shell can open a file there.
            argv = ["/bin/sh", "-c", 'exec "$@" <"$0"', values["prompt_file"], *argv]
        for name, template in spec.files.items():
            _write(run.folder / name, _filled(template, values, run.env).encode(errors="replace"))
        env = {
            name: _filled(template, values, run.env)
            for name, template in {**spec.env, **self.config.env}.items()
            if "model" in values or "{model}" not in template
        }
        if spec.home == "private":
            env = {**_private_home(run.folder / "home"), **env}
        return Call(
            argv=argv,
            told=told,
            stdin=prompt if spec.stdin == "pipe" else b"",
            env=env,
            cwd=cwd,
        )

    def __argument(self, word: str, before: Sequence[str], values: Mapping[str, str]) -> str:
        if "{model}" in word and "model" not in values:
            raise BackendError(
                "invalid", "it needs a model", f"set model in [backends.{self.name}] of lok.toml"
            )
        if "{prompt}" not in word:
            return _filled(word, values)
        if not _PROMPT_ARGUMENT.fullmatch(word):
            raise BackendError(
                "invalid", f"{word!r} mixes the prompt with other text", "write {prompt} or --flag={prompt}"
            )
        size = len(values["prompt"].encode(errors="replace"))
        if size > _MAX_ARGUMENT_BYTES:
            raise BackendError(
                "too_large",
                f"the prompt has {size} bytes and is handed over as an argument, which holds "
                f"{_MAX_ARGUMENT_BYTES} at most",
                "shorten it, or let the program read it from standard input or from {prompt_file}",
            )
        argument = word.replace("{prompt}", values["prompt"])
        # A prompt that starts with a dash must not become a flag.
        return (
            f" {argument}"
            if argument.startswith("-") and word == "{prompt}" and before[-1] != "--"
            else argument
        )


def _filled(template: str, values: Mapping[str, str], env: Mapping[str, str] | None = None) -> str:
    def value(found: re.Match[str]) -> str:
        variable = found[2] if env is not None else None
        if variable is None:
            return values.get(found[1], "")
        assert env is not None
        if not env.get(variable):
            raise BackendError("auth", f"{variable} is not set", f"set the variable {variable}")
        return env[variable]

    return (_PLACEHOLDER if env is None else _WITH_ENV).sub(value, template)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise BackendError(
            "crashed", f"its file {path} could not be written: {error.strerror}", "is the disk full?"
        ) from error


def _private_home(home: Path) -> dict[str, str]:
    home.mkdir(mode=0o700, exist_ok=True)
    folders = {"CONFIG": ".config", "DATA": ".local/share", "STATE": ".local/state", "CACHE": ".cache"}
    return {"HOME": str(home), **{f"XDG_{name}_HOME": str(home / path) for name, path in folders.items()}}
