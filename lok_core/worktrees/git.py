"""git, asked about a trusted repository.

Its filters run, since without them the files would not be what the user sees. Hooks do not, nothing is
signed, and what the user's environment says of another repository does not count.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import trio
from attrs import evolve, field, frozen

from lok_core.errors import BackendError, UsageError
from lok_core.history import HELD
from lok_core.models import Finished
from lok_core.process import Children

_TIMEOUT_S = 1800  # a checkout may fetch gigabytes of large files
_MOST_BYTES = 2**30  # of a list of files
_OLDEST = (2, 25)  # the first with --pathspec-from-file

# What of the user's own GIT_ variables is about him, and not about one repository or one command.
_KEPT = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH|SSH.*|SSL_.*|LFS_.*)"
)
_OPTIONS = (
    *("-c", "commit.gpgSign=false"),
    *("-c", "i18n.commitEncoding=UTF-8"),
    *("-c", "core.quotePath=true"),
    *("-c", "core.safecrlf=false"),  # a warning about line ends is no reason to lose a file
    *("-c", "core.splitIndex=false"),  # the shared part would be written beside the user's own
    *("-c", "core.trustctime=true", "-c", "core.checkStat=default"),  # or a change could go unseen
    # What was written is on the disk before the only other copy of it is removed.
    *("-c", "core.fsync=committed,reference", "-c", "core.fsyncMethod=batch"),
    *("-c", "worktree.useRelativePaths=false"),  # it would change the repository's format
)
# Not by -c user.name: author.name and committer.name of the user's configuration would win.
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "lok"), ("EMAIL", "lok@localhost"))
}


@frozen
class Git:
    """git at one place.

    Attributes:
        start: the directory it starts in.
        places: the environment variables that say where the repository, its files and its index are.
        version: of the program, as far as it was asked for.
    """

    children: Children
    env: Mapping[str, str] = field(repr=False)
    start: str
    places: Mapping[str, str] = {}
    version: tuple[int, ...] = ()

    def at(self, start: str | Path, **places: str | Path) -> Git:
        """The same git elsewhere; of the places only these count then (`GIT_DIR`, `GIT_WORK_TREE`)."""
        return evolve(self, start=str(start), places={name: str(path) for name, path in places.items()})

    def on(self, index: Path) -> Git:
        """The same git with another index."""
        return evolve(self, places={**self.places, "GIT_INDEX_FILE": str(index)})

    async def run(self, *words: str, stdin: bytes = b"") -> Finished:
        """What became of it.

        Raises:
            UsageError: there is no git, or it takes too long.
        """
        argv = ["git", *HELD, *_OPTIONS, "-C", self.start, *words]
        env = {**own_env(self.env), **self.places}
        with trio.move_on_after(_TIMEOUT_S):
            try:
                return await self.children.run(
                    argv, env=env, cwd="/", stdin=stdin, label="git", cap_bytes=_MOST_BYTES
                )
            except BackendError as error:
                raise UsageError(f"git cannot be run: {error.message}", error.hint) from error
        raise UsageError(f"git {words[0]} takes longer than {_TIMEOUT_S // 60} minutes")

    async def out(self, *words: str, stdin: bytes = b"") -> bytes:
        """What it printed.

        Raises:
            UsageError: it failed; the message is git's.
        """
        done = await self.run(*words, stdin=stdin)
        if done.returncode or done.stdout_dropped:
            raise UsageError(f"git {words[0]}: {complaint(done)}")
        return done.stdout

    async def text(self, *words: str, stdin: bytes = b"") -> str:
        """The same as text, without the line end; a path may be in it."""
        return os.fsdecode(await self.out(*words, stdin=stdin)).removesuffix("\n")

    async def maybe(self, *words: str) -> str:
        """The same; empty if it failed."""
        done = await self.run(*words)
        return "" if done.returncode else os.fsdecode(done.stdout).removesuffix("\n")

    async def paths(self, *words: str, stdin: bytes = b"") -> list[str]:
        """A list that was printed with -z."""
        return [os.fsdecode(name) for name in (await self.out(*words, stdin=stdin)).split(b"\0") if name]

    async def commit_of(self, name: str) -> str:
        """The id of a commit; empty if there is none of that name."""
        return await self.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")

    async def tree_of(self, commit: str) -> str:
        return await self.text("rev-parse", "--verify", f"{commit}^{{tree}}")

    async def commit(self, tree: str, parents: Iterable[str], message: str) -> str:
        """The id of a new commit, which no branch holds yet."""
        words = [word for parent in parents for word in ("-p", parent)]
        said = message.replace("\0", "").encode(errors="replace")
        return await self.text("commit-tree", *words, "-F", "-", tree, stdin=said)

    async def add_all(self, *options: str) -> tuple[Finished, list[str]]:
        """Puts all that is not ignored into the index, but for the repositories among it, which are told."""
        untracked = await self.paths("ls-files", "-z", "--others", "--exclude-standard")
        nested = [path for path in untracked if path.endswith("/")]
        specs = [":/", *(f":(top,exclude,literal){path[:-1]}" for path in nested)]
        listed = b"".join(os.fsencode(spec) + b"\0" for spec in specs)
        if self.version >= (2, 34) and await self.maybe("config", "--bool", "core.sparseCheckout") == "true":
            options = ("--sparse", *options)
        words = ("add", "-A", *options, "--pathspec-from-file=-", "--pathspec-file-nul")
        return await self.run(*words, stdin=listed), nested


def own_env(env: Mapping[str, str]) -> dict[str, str]:
    """The environment in which git works for lok."""
    kept = {name: value for name, value in env.items() if name[:4] != "GIT_" or _KEPT.fullmatch(name)}
    quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    return {**kept, **quiet, **_IDENTITY}


def complaint(done: Finished) -> str:
    """What git says is wrong, in one line."""
    lines = done.stderr.decode(errors="replace").splitlines()
    told = [line for line in lines if line.startswith(("fatal: ", "error: "))] or lines[-1:]
    return "; ".join(line.split(": ", 1)[-1] for line in told[:3]) or f"exit code {done.returncode}"


async def open_git(children: Children, directory: Path, env: Mapping[str, str], *, bare: bool = False) -> Git:
    """git in a directory that belongs to a repository's work tree or is one itself.

    Args:
        bare: whether a repository without files will do, or one whose configuration says that it is (an agent
            can set `core.bare`).

    Raises:
        UsageError: it is not, or there is no git.
    """
    git = Git(children, env, str(directory))
    said = await git.text("version")
    version = tuple(int(number) for number in re.findall(r"\d+", said)[:2])
    if version < _OLDEST:
        raise UsageError(f"{said} is too old", f"install git {_OLDEST[0]}.{_OLDEST[1]} or later")
    done = await git.run("rev-parse", "--is-inside-work-tree")
    if done.returncode:
        why = complaint(done)
        if "not a git repository" in why:
            raise UsageError(
                f"{directory} is in no git repository", "`git init` and a first commit make it one"
            )
        if b"safe.directory" in done.stderr:
            owned = re.search(r"repository at '(.*)'", why)
            raise UsageError(
                f"git refuses the repository of {directory}: it belongs to somebody else",
                f"git config --global --add safe.directory {owned[1] if owned else directory}",
            )
        raise UsageError(f"git rev-parse: {why}")
    if done.stdout.strip() != b"true" and not bare:
        raise UsageError(f"{directory} is no checkout but a repository itself", "name a directory with files")
    return evolve(git, version=version)


@contextmanager
def scratch_index(folder: Path, original: Path) -> Iterator[tuple[Path, bool]]:
    """A private copy of an index, and whether there was one that can be read.

    Raises:
        UsageError: the folder cannot be used.
    """
    made = not folder.exists()
    make_folder(folder)
    room = Path(tempfile.mkdtemp(prefix=".index-", dir=folder))
    try:
        copy, copied = room / "index", False
        try:
            # With its time: by it git knows which files may have changed within the same tick.
            shutil.copy2(original, copy)
            copied = True
        except OSError:
            copy.unlink(missing_ok=True)
        yield copy, copied
    finally:
        shutil.rmtree(room, ignore_errors=True)
        if made:
            with suppress(OSError):
                folder.rmdir()


def is_there(path: Path) -> bool:
    """Whether something has this name, be it a link to nowhere."""
    return os.path.lexists(path)


def real(*parts: str | Path) -> Path:
    """The path without symbolic links in it; what comes after an absolute part counts from there."""
    return Path(*parts).resolve()


def make_folder(folder: Path) -> None:
    """Makes the folder of a run if it is not there.

    Raises:
        UsageError: it cannot be made, or not be written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UsageError(
            f"no copies can be made in {folder}: {error.strerror}",
            "set XDG_STATE_HOME to a folder that can be written to",
        ) from error
