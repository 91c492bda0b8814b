"""Issues at GitHub: what is in them, how they are recognised, and how gh is used."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lok_core.errors import UsageError
from lok_core.issues import (
    BODY_LENGTH,
    TITLE_LENGTH,
    OpenIssue,
    Repository,
    candidates,
    draft,
    open_tracker,
)
from lok_core.models import CATEGORIES
from lok_core.outcome import Finding, Location, Source
from lok_core.testing import HOSTILE_TEXTS, sample_reports

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TRIGGER = re.compile(r"@\w|[#!]\d|gh-\d|:/|//|www\.|\b[0-9a-f]{7,40}\b", re.IGNORECASE)
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
MARKUP = {"paragraph", "blockquote", "bullet_list", "list_item", "heading"}
words = st.text(alphabet=st.characters()) | st.lists(
    st.sampled_from([*HOSTILE_TEXTS.values(), *"`*_[]()<>#+-!|~&$\\/@:.=1\n \t", "\n\n", "-->", "<!--"])
).map("".join)

GH = """#!{python} -IS
import json, os, sys, time
folder = {folder!r}
state = json.load(open(folder + "/state.json"))
given = sys.stdin.buffer.read().decode()
call = {{"argv": sys.argv[1:], "stdin": given, "cwd": os.getcwd(), "env": dict(os.environ)}}
with open(folder + "/calls.jsonl", "a") as record:
    record.write(json.dumps(call) + "\\n")
verb, issues = sys.argv[2], state["issues"]
trouble = state["troubles"].get(verb if verb == "list" else "create %d" % (len(issues) + 1))
if trouble == "hangs":
    while True:
        time.sleep(60)
if trouble is not None:
    sys.stderr.write(trouble)
    sys.exit(1)
if verb == "list":
    print(state["listed"] or json.dumps(issues))
    sys.exit()
title = next(word for word in sys.argv if word.startswith("--title="))[8:]
issues.append({{"number": len(issues) + 1, "title": title, "body": given.replace("\\n", "\\r\\n")}})
json.dump(state, open(folder + "/state.json", "w"))
print("https://github.com/octo/shop/issues/%d" % len(issues))
"""


class FakeGh:
    """A program `gh` that keeps the issues of one repository in a file; `folder` belongs on PATH.

    Args:
        issues: those that are open at first.
        troubles: what it says as it fails, by "list" or "create 2"; "hangs": it never ends.
        listed: what it prints instead of the issues.
    """

    def __init__(self, folder, issues=(), troubles=None, listed=""):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "gh"
        program.write_text(GH.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        state = {"issues": list(issues), "troubles": troubles or {}, "listed": listed}
        (folder / "state.json").write_text(json.dumps(state))

    @property
    def calls(self):
        record = self.folder / "calls.jsonl"
        return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []

    @property
    def issues(self):
        return json.loads((self.folder / "state.json").read_text())["issues"]


def repository(folder, address="git@github.com:octo/shop.git", config=""):
    """A git repository whose origin has that address; the configuration is put behind."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True, env={"PATH": os.environ["PATH"]})
    with open(folder / ".git/config", "a") as file:
        file.write(f'[remote "origin"]\n\turl = {address}\n{config}')
    return folder


def finding(title="SQL injection in search", **rest):
    source = Source("codex", "injection", title, "It is built from input.", "high", "injection")
    plain = Finding(
        title,
        "It is built from input.",
        "high",
        "injection",
        (Location("app/db.py", 12),),
        (source,),
        quote='run(f"select {q}")',
        grounding="exact",
        fingerprint="lok1-0123456789abcdef01234567",
    )
    return evolve(plain, **rest)


def read(made):
    """What is recognised of an issue as GitHub gives it back."""
    return OpenIssue.read(7, made.body.replace("\n", "\r\n"))


@pytest.fixture
def env(tmp_path):
    return {"HOME": str(tmp_path / "home"), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


@asynccontextmanager
async def tracking(directory, env):
    async with open_tracker(directory, env, lambda text: text.replace("hunter2-hunter2", "***")) as tracker:
        tracker._pause_s = 0.0
        yield tracker


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://github.com/octo/shop.git", "octo/shop"),
        ("https://github.com/octo/shop", "octo/shop"),
        ("https://GitHub.com/octo/shop/", "octo/shop"),
        ("https://octo:hunter2@github.com/octo/shop.git", "octo/shop"),
        ("https://www.github.com/octo/shop", "octo/shop"),
        ("git@github.com:octo/shop.git", "octo/shop"),
        ("git@github.com:/octo/shop", "octo/shop"),
        ("github.com:1octo/.github", "1octo/.github"),
        ("ssh://git@github.com/octo/shop.git", "octo/shop"),
        ("ssh://git@ssh.github.com:443/octo/shop.git", "octo/shop"),
        ("git://github.com/octo/shop.js.git", "octo/shop.js"),
        ("git@code.example.com:team_a/shop.git", "code.example.com/team_a/shop"),
    ],
)
def test_the_address_of_a_remote_names_a_repository(address, told):
    assert str(Repository.at(address)) == told


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/srv/git/shop.git",
        "../octo/shop",
        "octo/shop/more",
        "file:///srv/octo/shop",
        "ext::sh -c evil octo/shop",
        "https://github.com/octo",
        "https://github.com/octo/..",
        "https://github.com/octo/shop/issues",
        "https://github.com/-octo/shop",
        "https://-R/octo/shop",
        "git@github.com:octo/sh op",
        "git@github.com:octo/shop\nx",
        "git@github.com:octo/\u0455hop",
    ],
)
def test_another_address_names_none(address):
    assert Repository.at(address) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("octo/shop", "code.example.com/octo/shop"),
        ("github.com/octo/shop", "octo/shop"),
        ("https://github.com/octo/shop", "octo/shop"),
        ("shop", "None"),
        ("a/b/c/d", "None"),
    ],
)
def test_gh_repo_is_read_as_gh_reads_it(text, told):
    assert str(Repository.named(text, "code.example.com")) == told


def test_an_issue_says_what_where_and_who():
    codex, gemini = finding().sources[0], Source("gemini", "n+1", "Raw SQL", "Bind it.", "low", "security")
    made = draft(
        finding(sources=(codex, gemini), locations=(Location("app/db.py", 12), Location("app/web.py", 3, 5))),
        "0.1.0",
    )
    assert made.title == "SQL injection in search"
    assert made.told == "HIGH  app/db.py:12  SQL injection in search"
    assert made.body == (
        "**high**, injection, evidence found; reported by codex, gemini (2 backends).\n\n"
        "`app/db.py:12`\n\n"
        '> ```\n> run(f"select {q}")\n> ```\n\n'
        "It is built from input.\n\n"
        "See also `app/web.py:3-5`.\n\n"
        "### In their words\n\n"
        "- codex (injection): high, SQL injection in search\n"
        "- gemini (n+1): low, Raw SQL\n  \n  Bind it.\n\n"
        "Reported by a language model through lok 0.1.0; nobody has judged it yet.\n\n"
        "<!-- lok:fingerprint lok1-0123456789abcdef01234567 injection SQL%20injection%20in%20search -->\n"
    )


def test_a_finding_without_title_and_place_still_makes_an_issue():
    made = draft(finding(" \n", locations=(), quote="", grounding="unlocated"), "0.1.0")
    assert made.title == made.told.removeprefix("HIGH  ") == "injection problem"
    assert "no place given" in made.body


def assert_safe(one):
    """All markup of the issue is ours, and nothing in it calls anybody or refers to anything."""
    made = draft(one, "0.1.0")
    assert 0 < len(made.title) <= TITLE_LENGTH
    assert len(made.body) <= BODY_LENGTH
    assert UNSAFE.search(made.title + made.told + made.body.replace("\t", " ")) is None
    assert "\n" not in made.title + made.told
    assert TRIGGER.search(made.title) is None
    shown = made.body[: made.body.rindex("<!--")]
    reader = MarkdownIt("gfm-like")
    reader.linkify.set({"fuzzy_link": False})  # it takes each "name.py" for a host
    for token in reader.parse(made.body):
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind == "html_block":
            assert token.content == made.body[len(shown) :]
        elif kind == "fence":
            assert token.markup == "`" * len(token.markup)
        elif kind == "inline":
            allowed = {"text", "softbreak", "code_inline", "strong_open", "strong_close"}
            assert {child.type for child in token.children} <= allowed
            assert not TRIGGER.search("".join(one.content for one in token.children if one.type == "text"))
        else:
            assert kind in MARKUP, token
    assert re.search(r"@\w", shown) is None  # bots read the source
    assert re.search(r"^[ ]*/", shown, re.MULTILINE) is None
    assert "-->" not in made.body[len(shown) : -len("-->\n")]
    assert read(made).tells(one)


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_no_text_gets_out_of_its_issue(name):
    text = HOSTILE_TEXTS[name]
    source = Source(text, text, text, text, "low", "general", model=text, rule=text, quote=text)
    place = (Location(text or "a", 3), Location(f"b{text}", 4))
    hostile = finding(
        text, explanation=text, quote=text, locations=place, sources=(source, *finding().sources)
    )
    assert_safe(hostile)


@unhurried
@given(words, words, words)
def test_nothing_that_can_be_said_gets_out_of_its_issue(title, explanation, quote):
    source = Source("codex", title, quote, title + explanation, "low", "general")
    assert_safe(finding(title, explanation=explanation, quote=quote, sources=(source,)))


def test_an_issue_of_many_words_fits():
    many = tuple(
        Source(f"backend{n}", "x", "@" * 200, "*" * 3000 + str(n), "low", "general") for n in range(50)
    )
    made = draft(finding(explanation="<" * 5000, quote="x" * 5000, sources=many), "0.1.0")
    assert len(made.body) <= BODY_LENGTH
    assert re.search(r"\d+ more reports do not fit here", made.body)
    assert read(made) is not None


@pytest.mark.parametrize("name", ["values", "panel", "hostile", "paths", "leads"])
def test_every_sample_makes_issues_that_are_recognised(name):
    for one in sample_reports()[name].findings:
        one = evolve(one, fingerprint="lok1-0123")
        assert read(draft(one, "0.1.0")).tells(one)


@given(st.sampled_from(CATEGORIES), st.text(min_size=1, max_size=200))
def test_the_mark_gives_back_what_went_in(category, title):
    issue = read(draft(finding(title, category=category), "0.1.0"))
    assert issue.entry.fingerprint == finding().fingerprint
    assert issue.entry.category == category
    assert issue.entry.title == title.encode(errors="replace").decode()


def test_an_issue_is_recognised_when_another_run_tells_it_in_other_words():
    issue = read(draft(finding(), "0.1.0"))
    assert issue.tells(finding("Query is open to SQL injection"))


def test_another_problem_at_the_same_place_is_another_issue():
    issue = read(draft(finding(), "0.1.0"))
    assert not issue.tells(finding("Connection is never closed", category="performance", sources=()))


def test_the_same_words_at_another_place_are_another_issue():
    assert not read(draft(finding(), "0.1.0")).tells(finding(fingerprint="lok1-ffff"))


def test_a_mark_that_is_quoted_in_an_issue_counts_for_nothing():
    mark = draft(finding(), "0.1.0").body.splitlines()[-1]
    other = finding("Comment", quote=mark, explanation=mark, fingerprint="lok1-ffff")
    assert read(draft(other, "0.1.0")).entry.fingerprint == "lok1-ffff"


def test_what_people_add_to_an_issue_does_not_matter():
    body = draft(finding(), "0.1.0").body
    assert OpenIssue.read(7, f"Assigned.\n\n{body}\n\n- [ ] done").tells(finding())


def test_issues_of_others_are_none_of_lok():
    assert OpenIssue.read(7, "It is broken") is None


def report_of(*findings):
    return evolve(sample_reports()["empty"], findings=findings)


def test_what_is_known_or_suppressed_becomes_no_issue():
    known, suppressed = finding(known=True), finding(suppressed="checked")
    assert candidates(report_of(known, finding(), suppressed), everything=False) == ([finding()], 0)


@pytest.mark.parametrize("grounding", ["quote-missing", "line-out-of-range", "file-missing"])
def test_what_cites_code_that_is_not_there_becomes_no_issue(grounding):
    assert candidates(report_of(finding(grounding=grounding)), everything=True) == ([], 1)


@pytest.mark.parametrize("grounding", ["exact", "moved", "unchecked", "ambiguous", "unlocated"])
def test_what_was_not_disproved_becomes_one(grounding):
    found, left_out = candidates(report_of(finding(grounding=grounding)), everything=False)
    assert len(found) == 1
    assert not left_out


def test_of_many_leads_those_become_issues_that_are_shown():
    lead = evolve(finding().sources[0], lead=True)
    leads = [finding(f"Lead {n}", sources=(lead,)) for n in range(9)]
    assert len(candidates(report_of(*leads), everything=False)[0]) == 5
    assert len(candidates(report_of(*leads), everything=True)[0]) == 9


async def test_gh_is_told_the_repository_and_stands_elsewhere(tmp_path, env):
    gh = FakeGh(tmp_path / "bin")
    async with tracking(repository(tmp_path / "shop"), env) as tracker:
        plan = await tracker.plan([finding()], "0.1.0")
        assert await tracker.create(plan.drafts[0]) == "https://github.com/octo/shop/issues/1"
    listed, created = gh.calls
    assert listed["argv"] == [
        *("issue", "list", "-R", "github.com/octo/shop", "--state", "open", "--limit", "1000"),
        *("--json", "number,body"),
    ]
    assert created["argv"] == [
        *("issue", "create", "-R", "github.com/octo/shop", "--title=SQL injection in search"),
        *("--body-file", "-"),
    ]
    assert created["stdin"] == plan.drafts[0].body
    assert {listed["cwd"], created["cwd"]} == {"/"}


async def test_a_folder_of_a_repository_belongs_to_it(tmp_path, env):
    folder = repository(tmp_path / "shop") / "app"
    folder.mkdir()
    async with tracking(folder, env) as tracker:
        assert str(tracker.repository) == "octo/shop"


async def test_what_an_open_issue_tells_of_is_not_planned(tmp_path, env):
    gh = FakeGh(tmp_path / "bin", [{"number": 1, "title": "Broken", "body": "It is broken"}])
    new = finding("Password in the log", category="secrets", fingerprint="lok1-ffff", sources=())
    async with tracking(repository(tmp_path / "shop"), env) as tracker:
        await tracker.create((await tracker.plan([finding()], "0.1.0")).drafts[0])
        plan = await tracker.plan([finding(), new], "0.1.0")
    assert plan.there == (("HIGH  app/db.py:12  SQL injection in search", 2),)
    assert [one.title for one in plan.drafts] == ["Password in the log"]
    assert not plan.partial
    assert len(gh.issues) == 2


async def test_more_issues_than_are_read_are_told(tmp_path, env):
    FakeGh(tmp_path / "bin", [{"number": n, "title": "", "body": ""} for n in range(1000)])
    async with tracking(repository(tmp_path / "shop"), env) as tracker:
        assert (await tracker.plan([finding()], "0.1.0")).partial


async def test_nothing_runs_that_the_repository_brings_along(tmp_path, env, monkeypatch):
    planted = f"touch {tmp_path / 'ran'}"
    config = (
        f'[core]\n\tfsmonitor = "{planted}"\n\tpager = "{planted}"\n\tsshCommand = "{planted}"\n'
        f'\tgitProxy = "{planted}"\n\teditor = "{planted}"\n[pager]\n\tremote = "{planted}"\n'
        f'[alias]\n\tremote = "!{planted}"\n[credential]\n\thelper = "!{planted}"\n'
    )
    shop = repository(tmp_path / "shop", config=config)
    for name in ("gh", "git"):
        (shop / name).write_text(f"#!/bin/sh\n{planted}\n")
        (shop / name).chmod(0o755)
    gh = FakeGh(tmp_path / "bin")
    monkeypatch.chdir(shop)
    async with tracking(shop, {**env, "PATH": f".:{env['PATH']}:"}) as tracker:
        await tracker.plan([finding()], "0.1.0")
    assert len(gh.calls) == 1
    assert not (tmp_path / "ran").exists()


SECRETS = {
    "GH_TOKEN": "gho_0123456789",
    "GITHUB_TOKEN": "ghs_0123456789",
    "GH_ENTERPRISE_TOKEN": "ghe_0123456789",
    "GITHUB_ENTERPRISE_TOKEN": "ghx_0123456789",
}


@pytest.mark.parametrize(
    ("address", "more", "seen"),
    [
        ("git@github.com:octo/shop", {}, {"GH_TOKEN", "GITHUB_TOKEN"}),
        ("git@octo.ghe.com:octo/shop", {}, {"GH_TOKEN", "GITHUB_TOKEN"}),
        ("git@evil.example:octo/shop", {}, set()),
        ("git@evil.example:octo/shop", {"GH_HOST": "code.example.com"}, set()),
        ("git@github.localhost:octo/shop", {}, set()),
        ("git@code.example.com:octo/shop", {"GH_HOST": "code.example.com"}, set(SECRETS)),
        ("git@evil.example:octo/shop", {"GH_REPO": "code.example.com/octo/shop"}, set(SECRETS)),
    ],
)
async def test_a_host_that_only_the_remote_names_gets_no_tokens(tmp_path, env, address, more, seen):
    gh = FakeGh(tmp_path / "bin")
    shop = repository(tmp_path / "shop", address)
    async with tracking(shop, {**env, **SECRETS, **more, "OPENAI_API_KEY": "sk-1"}) as tracker:
        await tracker.plan([finding()], "0.1.0")
    got = gh.calls[0]["env"]
    assert SECRETS.keys() & got.keys() == seen
    assert "OPENAI_API_KEY" not in got


async def test_gh_finds_its_configuration_and_its_keyring(tmp_path, env):
    gh = FakeGh(tmp_path / "bin")
    theirs = {"GH_CONFIG_DIR": "/c", "XDG_CONFIG_HOME": "/x", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/b"}
    async with tracking(repository(tmp_path / "shop"), {**env, **theirs}) as tracker:
        await tracker.plan([finding()], "0.1.0")
    assert theirs.items() <= gh.calls[0]["env"].items()


async def test_secrets_stay_out_of_issues(tmp_path, env):
    gh = FakeGh(tmp_path / "bin")
    told = "uses hunter2-hunter2 and gho_0123456789"
    async with tracking(repository(tmp_path / "shop"), {**env, **SECRETS}) as tracker:
        await tracker.create(draft(finding(told, quote=told, explanation=told), "0.1.0"))
    sent = gh.calls[0]["stdin"] + " ".join(gh.calls[0]["argv"])
    assert "hunter2-hunter2" not in sent
    assert "gho_0123456789" not in sent


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("To get started with GitHub CLI, please run:  gh auth login\n", "GH_TOKEN"),
        ("HTTP 401: Bad credentials\nTry authenticating with:  gh auth login\n", "GH_TOKEN"),
        ("the 'octo/shop' repository has disabled issues\n", "settings"),
        ("GraphQL: Could not resolve to a Repository with the name 'octo/shop'.\n", "GH_REPO"),
        ("HTTP 403: You have exceeded a secondary rate limit\n", "wait"),
        ("GraphQL: was submitted too quickly (createIssue)\n", "wait"),
        ("unknown flag: --json\n", "newer"),
        ("", "gh auth status"),
    ],
)
async def test_why_gh_failed_is_told_with_what_to_do(tmp_path, env, said, hint):
    FakeGh(tmp_path / "bin", troubles={"list": said})
    if not said:
        (tmp_path / "bin" / "gh").write_text("#!/bin/sh\nexit 3\n")
    async with tracking(repository(tmp_path / "shop"), env) as tracker:
        with pytest.raises(UsageError) as caught:
            await tracker.plan([finding()], "0.1.0")
    assert said.split("\n")[0] in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


async def test_what_gh_says_is_cleaned_and_masked(tmp_path, env):
    FakeGh(tmp_path / "bin", troubles={"list": "\x1b[31mtoken gho_0123456789\x1b[0m is bad\r\nsorry" * 100})
    async with tracking(repository(tmp_path / "shop"), {**env, **SECRETS}) as tracker:
        with pytest.raises(UsageError, match=r"token \*\*\*\(14 characters\) is bad") as caught:
            await tracker.plan([finding()], "0.1.0")
    assert UNSAFE.search(caught.value.message) is None
    assert len(caught.value.message) < 400


async def test_without_gh_it_is_told_where_to_get_it(tmp_path, env):
    path = tmp_path / "only-git"
    path.mkdir()
    (path / "git").symlink_to(shutil.which("git"))
    async with tracking(repository(tmp_path / "shop"), {**env, "PATH": str(path)}) as tracker:
        with pytest.raises(UsageError, match="gh is not on the PATH") as caught:
            await tracker.plan([finding()], "0.1.0")
    assert "https://cli.github.com" in caught.value.hint


@pytest.mark.parametrize("listed", ["no JSON", "7", "[1]", '[{"number": 1}]', '{"a": [', "[" * 100_000])
async def test_a_list_that_is_none_is_told(tmp_path, env, listed):
    FakeGh(tmp_path / "bin", listed=listed)
    async with tracking(repository(tmp_path / "shop"), env) as tracker:
        with pytest.raises(UsageError, match="no list of issues"):
            await tracker.plan([finding()], "0.1.0")


async def test_a_directory_without_a_repository_is_told(tmp_path, env):
    with pytest.raises(UsageError, match="'origin'") as caught:
        async with tracking(tmp_path, env):
            pass
    assert "GH_REPO" in caught.value.hint


async def test_the_address_of_a_remote_is_not_told(tmp_path, env):
    shop = repository(tmp_path / "shop", "https://octo:hunter2@example.com/only")
    with pytest.raises(UsageError) as caught:
        async with tracking(shop, env):
            pass
    assert "hunter2" not in caught.value.message + caught.value.hint


async def test_gh_repo_goes_before_the_remote(tmp_path, env):
    shop = repository(tmp_path / "shop")
    async with tracking(shop, {**env, "GH_REPO": "other/place"}) as tracker:
        assert str(tracker.repository) == "other/place"


async def test_a_gh_repo_that_is_none_is_told(tmp_path, env):
    with pytest.raises(UsageError, match="GH_REPO"):
        async with tracking(repository(tmp_path / "shop"), {**env, "GH_REPO": "shop"}):
            pass
