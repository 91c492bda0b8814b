"""lok spawn as a process, with backends that are programs and with real git repositories."""

import hashlib
import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from lok_core import schema
from lok_core.details.spawn import Leftover, SpawnedDetail
from lok_core.results.spawn import sections
from lok_core.testing import run_lok
from tests.test_cli_signals import running, until

PROGRAM = """#!{python} -IS
import os, pathlib, re, signal, sys, time
asked = sys.stdin.read()
with open({record!r}, "a") as record:
    record.write(asked + "\\0")
found = re.search("^Your part, named (.+):$", asked, re.M)
name = found[1] if found else ""
part = asked.split("Your part, named", 1)[-1].split("```")[1] if found else ""
if "Split a task" in asked:
    print({plan!r})
elif not found:
    print("All parts were looked at.")
elif "fails" in part:
    sys.exit("it broke")
else:
    if sys.argv[1] == "--write":
        shared = pathlib.Path("shared.txt")
        shared.write_text(shared.read_text() + name + " was here\\n")
        pathlib.Path("new-" + name + ".txt").write_text("by " + name + "\\n")
    print(name, "works in", os.getcwd(), flush=True)
    if "hangs" in part:
        pathlib.Path({hanging!r}).touch()
        time.sleep(1000)
    if "dies" in part:
        os.kill(os.getpid(), signal.SIGKILL)
"""
TABLE = """
[backends.{name}]
use = "command"
command = "{program}"
access = {{ none = [], read = [["--read"]], write = [["--write"]] }}
"""
PLAN = '{"subtasks": [{"name": "a", "description": "do a"}, {"name": "b", "description": "do b"}]}'
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
SAFE = ("-c", "user.name=me", "-c", "user.email=me@home", "-c", "commit.gpgsign=false")


class Shop:
    """A repository, lok with two backends that are programs, and what these were asked."""

    def __init__(self, folder, env):
        self.folder = folder
        self.env = env
        self.home = Path(env["HOME"])
        self.root = folder / "shop"
        self.hanging = folder / "hanging"
        self.plan(PLAN)
        tables = [TABLE.format(name=name, program=folder / "agent") for name in ("one", "two")]
        (self.home / ".config" / "lok").mkdir(parents=True)
        (self.home / ".config" / "lok" / "lok.toml").write_text("".join(tables))
        (self.root / "sub").mkdir(parents=True)
        (self.root / "shared.txt").write_text("first\n")
        (self.root / "sub" / "shared.txt").write_text("below\n")
        self.git("init", "-q", "-b", "main")
        self.commit()

    def plan(self, text):
        record = str(self.folder / "record")
        program = self.folder / "agent"
        hanging = str(self.hanging)
        program.write_text(PROGRAM.format(python=sys.executable, record=record, hanging=hanging, plan=text))
        program.chmod(0o755)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work", "--no-verify")

    def git(self, *words):
        argv = ["git", "-C", str(self.root), *SAFE, *words]
        done = subprocess.run(argv, env=self.env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def shell(self, command, cwd=None):
        """Runs it as one would who is somewhere else."""
        done = subprocess.run(
            ["bash", "-ec", command], env=self.env, cwd=cwd or self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def lok(self, *args, cwd=None, **options):
        return run_lok(args, env=self.env, cwd=cwd or self.root, **options)

    def trusted(self):
        assert self.lok("trust", str(self.root)).code == 0
        return self

    def spawn(self, *agents, **options):
        """The report of `lok spawn --write` with those agents."""
        named = [word for agent in agents for word in ("--agent", agent)]
        done = self.lok("spawn", "--write", "-f", "json", *named, "Work", **options)
        assert done.stdout, done.stderr
        jsonschema.Draft202012Validator(schema("lok.report/1")).validate(done.report)
        return done.report

    def asked(self):
        record = self.folder / "record"
        return record.read_text().split("\0")[:-1] if record.exists() else []

    def state(self):
        """Everything of the user's: files with their times, the index, HEAD and the branches but lok's."""
        files = {}
        for path in sorted(self.root.rglob("*")):
            inner = path.relative_to(self.root)
            if inner.parts[0] != ".git" or inner.parts[1:2] in (
                ("index",),
                ("HEAD",),
                ("config",),
                ("hooks",),
            ):
                content = path.read_bytes() if path.is_file() else b""
                files[str(inner)] = (hashlib.sha256(content).hexdigest(), path.stat().st_mtime_ns)
        refs = self.git("for-each-ref", "--format=%(refname) %(objectname)")
        return files, [ref for ref in refs.splitlines() if "/lok/" not in ref and "/lok-bases/" not in ref]

    def on(self, branch, path):
        return self.git("show", f"{branch}:{path}")

    def copies(self):
        return [
            line for line in self.git("worktree", "list", "--porcelain").splitlines() if "worktree " in line
        ]


def commands(shown):
    """The commands in a report, in its order."""
    return [
        line.strip() for line in shown.splitlines() if line.startswith(("    git ", "    (cd ", "    rm "))
    ]


@pytest.fixture
def shop(tmp_path, lok_env):
    return Shop(tmp_path, lok_env)


class TestReading:
    def test_a_task_is_planned_done_and_summed_up(self, shop):
        done = shop.lok("spawn", "Look at the shop")
        assert done.code == 0
        assert f"=== ONE [a] ===\na works in {shop.root}\n" in done.stdout
        assert "--- Agents: 2 of 2 done ---" in done.stdout
        assert "--- Summary by one ---\nAll parts were looked at.\n\n--- Agents" in done.stdout
        assert shop.git("status", "--porcelain") == ""

    def test_the_task_may_come_through_a_pipe(self, shop):
        assert shop.lok("spawn", "-", stdin="Look at the piped shop").code == 0
        assert "Look at the piped shop" in shop.asked()[0]

    @pytest.mark.slow
    def test_the_report_follows_its_schema(self, shop):
        done = shop.lok("spawn", "-f", "json", "Look at the shop")
        jsonschema.Draft202012Validator(schema("lok.report/1")).validate(done.report)
        assert done.report["detail"]["mode"] == "spawn"
        assert done.report["detail"]["planner"] == "one"

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["markdown", "html"])
    def test_a_file_holds_all_of_it(self, shop, name):
        done = shop.lok("spawn", "-f", name, "-o", "../report", "Look at the shop")
        assert (done.code, done.stdout) == (0, "")
        told = (shop.folder / "report").read_text()
        assert "All parts were looked at" in told
        assert "2 of 2 done" in told

    def test_without_a_plan_the_way_out_is_told(self, shop):
        shop.plan("I cannot do that.")
        done = shop.lok("spawn", "Look at the shop")
        assert done.code == 3
        assert "error: no plan could be read from what one said; --agent" in done.stderr
        assert len(shop.asked()) == 2

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["--agent", "nonsense", "x"], "'nonsense' is not of the form"),
            (["--agent", "a@three:b", "x"], "no backend named 'three'"),
            (["--list", "x"], "--list takes no TASK"),
            (["--list", "--agent", "a:b"], "--list takes no TASK"),
            (["--list", "--write"], "--list takes no TASK"),
            (["--write", "x"], "not trusted"),
            ([" "], "the prompt is empty"),
        ],
    )
    def test_a_wrong_command_line_asks_nobody(self, shop, words, told):
        done = shop.lok("spawn", *words)
        assert done.code == 2
        assert told in done.stderr
        assert "hint: " in done.stderr
        assert shop.asked() == []


@pytest.mark.slow
class TestWriting:
    def test_three_agents_on_one_file_a_dirty_checkout_stays_as_it_is(self, shop):
        shop.trusted()
        (shop.root / "shared.txt").write_text("first\nnot committed\n")
        (shop.root / "untracked.txt").write_text("mine\n")
        (shop.root / "staged.txt").write_text("staged\n")
        shop.git("add", "staged.txt")
        before = shop.state()
        detail = shop.spawn("a:do a", "b:do b", "c@two:do c")["detail"]
        assert shop.state() == before
        assert detail["dirty"]
        assert [agent["backend"] for agent in detail["agents"]] == ["one", "one", "two"]
        for branch in detail["branches"]:
            name = branch["agent"]
            assert shop.on(branch["name"], "shared.txt") == f"first\nnot committed\n{name} was here"
            assert shop.on(branch["name"], f"new-{name}.txt") == f"by {name}"
            assert shop.on(branch["name"], "untracked.txt") == "mine"
            assert (branch["files"], branch["insertions"], branch["deletions"]) == (2, 2, 0)
            assert not branch["problem"]
        names = [branch["name"] for branch in detail["branches"]]
        pairs = [{conflict["branch"], conflict["other"]} for conflict in detail["conflicts"]]
        assert pairs == [{names[0], names[1]}, {names[0], names[2]}, {names[1], names[2]}]
        assert all(conflict["files"] == ["shared.txt"] for conflict in detail["conflicts"])
        assert len(shop.copies()) == 1

    def test_each_works_in_a_copy_with_leave_to_write_and_knows_it(self, shop):
        report = shop.trusted().spawn("a:do a", "b:do b")
        requests = [outcome["request"] for outcome in report["outcomes"]]
        assert [request["access"] for request in requests] == ["write", "write", "none"]
        assert len({request["directory"] for request in requests[:2]} - {str(shop.root)}) == 2
        assert f"what is said of {shop.root} holds for this copy" in requests[0]["prompt"]
        assert "shared.txt" in requests[2]["prompt"]  # the diffstat

    def test_the_work_of_an_agent_that_is_killed_is_on_its_branch(self, shop):
        detail = shop.trusted().spawn("a:do a", "b:dies half-way", "c:fails")["detail"]
        assert [agent["ok"] for agent in detail["agents"]] == [True, False, False]
        assert shop.on(detail["branches"][1]["name"], "new-b.txt") == "by b"
        assert detail["branches"][2]["files"] == 0

    def test_hooks_and_signing_are_not_run(self, shop):
        shop.trusted()
        for name in ("pre-commit", "commit-msg", "post-commit", "post-checkout", "reference-transaction"):
            hook = shop.root / ".git" / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch {shop.folder}/hooked\nexit 1\n")
            hook.chmod(0o755)
        for key, value in {
            "commit.gpgsign": "true",
            "gpg.program": "/bin/false",
            "tag.gpgsign": "true",
        }.items():
            subprocess.run(["git", "-C", shop.root, "config", key, value], check=True, env=shop.env)
        before = shop.state()
        detail = shop.spawn("a:do a", "b:do b")["detail"]
        assert shop.state() == before
        assert [branch["files"] for branch in detail["branches"]] == [2, 2]
        assert not (shop.folder / "hooked").exists()

    def test_in_a_subdirectory_agents_work_in_the_same_one_of_their_copy(self, shop):
        detail = shop.trusted().spawn("a:do a", cwd=shop.root / "sub")["detail"]
        (branch,) = detail["branches"]
        assert shop.on(branch["name"], "sub/shared.txt") == "below\na was here"

    @pytest.mark.parametrize("dirty", [True, False])
    def test_the_commands_that_are_shown_take_the_work_over(self, shop, dirty):
        shop.trusted()
        if dirty:
            (shop.root / "shared.txt").write_text("first\nnot committed\n")
            (shop.root / "untracked.txt").write_text("mine\n")
        shop.git("config", "user.name", "me")
        shop.git("config", "user.email", "me@home")
        done = shop.lok("spawn", "--write", "--agent", "a:do a", "Work")
        assert done.code == 0
        shown = commands(done.stdout)
        assert len(shown) == (4 if dirty else 3)
        diff, take, *_, remove = shown
        shop.shell(diff)
        shop.shell(take)
        text = "first\nnot committed\na was here\n" if dirty else "first\na was here\n"
        assert (shop.root / "shared.txt").read_text() == text
        assert (shop.root / "new-a.txt").read_text() == "by a\n"
        shop.shell(remove)
        assert "Spawn has left nothing" in shop.lok("spawn", "--list").stdout

    def test_a_patch_is_applied_whole_from_anywhere_whatever_the_configuration(self, shop):
        shop.trusted()
        (shop.root / ".gitattributes").write_text("*.txt diff=shout\n")
        shop.commit()
        (shop.root / "sub" / "shared.txt").write_text("below\nnot committed\n")
        done = shop.lok(
            "spawn", "--write", "--agent", "a:do a", "Work", "-d", str(shop.root), cwd=shop.folder
        )
        for key, value in {
            "diff.noprefix": "true",
            "diff.mnemonicPrefix": "true",
            "diff.relative": "true",
            "diff.external": "/bin/false",
            "diff.shout.textconv": "tr a-z A-Z <",
            "color.ui": "always",
            "apply.whitespace": "error",
        }.items():
            shop.git("config", key, value)
        take = next(line for line in commands(done.stdout) if " apply" in line)
        shop.shell(take, cwd=shop.root / "sub")
        assert (shop.root / "shared.txt").read_text() == "first\na was here\n"
        assert (shop.root / "new-a.txt").read_text() == "by a\n"
        assert (shop.root / "sub" / "shared.txt").read_text() == "below\nnot committed\n"

    def test_a_tag_named_like_a_branch_is_not_taken_for_it(self, shop):
        done = shop.trusted().lok("spawn", "--write", "--agent", "a:do a", "Work")
        shop.git("config", "user.name", "me")
        shop.git("config", "user.email", "me@home")
        shop.git("tag", shop.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/lok/"), "HEAD")
        look, take, remove = commands(done.stdout)
        shop.shell(f"{look} | grep -q 'a was here'")
        shop.shell(take)
        assert (shop.root / "new-a.txt").read_text() == "by a\n"
        shop.shell(remove)

    def test_a_branch_is_picked_once_the_uncommitted_work_is_committed(self, shop):
        shop.trusted()
        (shop.root / "shared.txt").write_text("first\nnot committed\n")
        done = shop.lok("spawn", "--write", "--agent", "a:do a", "Work")
        shop.commit()
        shop.git("config", "user.name", "me")
        shop.git("config", "user.email", "me@home")
        shop.shell(next(line for line in commands(done.stdout) if " cherry-pick " in line))
        assert (shop.root / "shared.txt").read_text() == "first\nnot committed\na was here\n"

    def test_where_there_is_nothing_to_copy_nobody_is_asked(self, shop):
        empty = shop.folder / "empty"
        empty.mkdir()
        shop.lok("trust", str(empty))
        done = shop.lok("spawn", "--write", "-d", str(empty), "Work")
        assert done.code == 2
        assert "hint: " in done.stderr
        assert shop.asked() == []

    @needs_proc
    def test_ctrl_c_loses_no_work(self, shop):
        shop.trusted()
        args = ["spawn", "--write", "-f", "json", "--agent", "a:hangs", "--agent", "b:do b", "Work"]
        with running(args, shop.env, shop.root) as lok:
            until(shop.hanging.exists)
            until(lambda: "one [b]: answered" in lok.stderr)
            lok.send(signal.SIGINT)
            assert lok.end() == 130
        report = json.loads(lok.stdout)
        assert report["interrupted"]
        for branch in report["detail"]["branches"]:
            assert shop.on(branch["name"], f"new-{branch['agent']}.txt") == f"by {branch['agent']}"
        assert len(shop.copies()) == 1


@pytest.mark.slow
class TestSaving:
    """The commands of `--list` for a copy on which an agent was ended."""

    @pytest.fixture
    def copy(self, shop):
        shop.git("config", "user.name", "me")
        shop.git("config", "user.email", "me@home")
        copy = shop.folder / "the copies" / "r" / "a"
        shop.git("worktree", "add", "-q", "--lock", "-b", "lok/r/a", str(copy))
        (copy / "new.txt").write_text("by a\n")
        return copy

    @staticmethod
    def listed(shop, copy):
        base = shop.git("rev-parse", "main")
        left = Leftover(
            *("r", "a", "lok/r/a", base),
            uncommitted=1,
            directory=str(copy),
            known=True,
            base=base,
            repository=str(shop.root),
        )
        told = sections(SpawnedDetail((left,)))
        return [line for section in told for line in section.code.splitlines()]

    @pytest.mark.parametrize("before", ["true", "git checkout -q --detach", "git checkout -q -b wip"])
    def test_files_are_saved_onto_a_branch_of_their_own_whatever_is_checked_out(self, shop, copy, before):
        shop.shell(before, cwd=copy)
        save, remove = self.listed(shop, copy)
        shop.shell(save)
        assert shop.on("refs/heads/lok/r/a-saved", "new.txt") == "by a"
        shop.shell(remove)
        assert len(shop.copies()) == 1
        assert shop.on("refs/heads/lok/r/a-saved", "new.txt") == "by a"

    @pytest.mark.parametrize("commits", [0, 1])
    def test_a_repository_within_is_not_saved_as_a_link(self, shop, copy, commits):
        nested = copy / "it's nested"
        nested.mkdir()
        (nested / "inner.txt").write_text("precious")
        shop.shell("git init -q", cwd=nested)
        if commits:
            identity = "-c user.name=a -c user.email=a@b"
            shop.shell(f"git {identity} commit -q --allow-empty -m start", cwd=nested)
        shop.shell(self.listed(shop, copy)[0])
        assert shop.git("ls-tree", "--name-only", "lok/r/a-saved").splitlines() == [
            *("new.txt", "shared.txt", "sub")
        ]
        assert shop.git("-C", str(copy), "status", "--porcelain") == '?? "it\'s nested/"'

    def test_a_copy_without_its_link_is_saved_into_its_own_repository(self, shop, copy):
        shop.shell("git init -q", cwd=shop.folder)  # as where the home directory is a repository
        (copy / ".git").unlink()
        shop.shell(self.listed(shop, copy)[0])
        assert shop.on("lok/r/a-saved", "new.txt") == "by a"

    @pytest.mark.parametrize("lost", ["rm .git", "rm -r ../a && mkdir ../a"])
    def test_a_copy_is_removed_whatever_is_left_of_it(self, shop, copy, lost):
        shop.shell(lost, cwd=copy)
        shop.shell(self.listed(shop, copy)[1])
        assert len(shop.copies()) == 1
        assert not copy.exists()


@pytest.mark.slow
class TestListing:
    def test_where_nothing_is_left_it_says_so(self, shop):
        done = shop.lok("spawn", "--list")
        assert (done.code, done.stdout) == (0, "--- Spawn has left nothing in this repository ---\n\n")

    def test_outside_of_a_repository_it_is_a_usage_error(self, shop):
        done = shop.lok("spawn", "--list", cwd=shop.folder)
        assert done.code == 2
        assert "hint: " in done.stderr

    def test_a_branch_is_shown_until_it_is_merged(self, shop):
        (branch,) = shop.trusted().spawn("a:do a")["detail"]["branches"]
        done = shop.lok("spawn", "--list")
        assert f"--- {branch['name']} ---\n  1 commit that your checkout does not have" in done.stdout
        base = shop.git("rev-parse", "HEAD")
        assert f"    git -C {shop.root} cherry-pick {base}..refs/heads/{branch['name']}\n" in done.stdout
        shop.git("merge", branch["name"])
        done = shop.lok("spawn", "--list")
        assert f"--- Nothing is left to take over from these ---\n  {branch['name']}\n" in done.stdout
        assert "cherry-pick" not in done.stdout

    @pytest.mark.slow
    def test_the_report_follows_its_schema(self, shop):
        shop.trusted().spawn("a:do a")
        done = shop.lok("spawn", "--list", "-f", "json")
        jsonschema.Draft202012Validator(schema("lok.report/1")).validate(done.report)
        (left,) = done.report["detail"]["leftovers"]
        assert (left["agent"], left["ahead"], left["running"]) == ("a", 1, False)

    @needs_proc
    def test_what_a_killed_lok_has_left_is_found_saved_and_removed(self, shop):
        shop.trusted()
        shop.git("config", "user.name", "me")
        shop.git("config", "user.email", "me@home")
        before = shop.state()
        args = ["spawn", "--write", "--agent", "a:hangs", "--agent", "b:do b", "Work"]
        with running(args, shop.env, shop.root) as lok:
            until(shop.hanging.exists)
            until(lambda: "one [b]: answered" in lok.stderr)
            during = shop.lok("spawn", "--list").stdout
            lok.send(signal.SIGKILL)
            lok.end()
        assert shop.state() == before
        assert "its run still goes on" in during
        found = shop.lok("spawn", "--list", "-f", "json").report["detail"]["leftovers"]
        left = {one["agent"]: one for one in found}
        assert left["a"]["uncommitted"] == 2
        assert not left["a"]["running"]
        copy = Path(left["a"]["directory"])
        assert (copy / "new-a.txt").read_text() == "by a\n"
        shown = shop.lok("spawn", "--list").stdout
        save = next(line.strip() for line in shown.splitlines() if "add -A" in line)
        assert shlex.split(save)[1] == str(copy)
        shop.shell(save)
        assert shop.on(f"{left['a']['branch']}-saved", "new-a.txt") == "by a"
        listed = commands(shop.lok("spawn", "--list").stdout)
        assert not [line for line in listed if "add -A" in line]
        for line in listed:
            if " branch -D " in line:
                shop.shell(line)
        assert "Spawn has left nothing" in shop.lok("spawn", "--list").stdout
