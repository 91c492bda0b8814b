"""lok with the real programs, each with its own HOME and a fake key, against a provider on this machine."""

import os
from functools import partial

import pytest

from lok_core.testing import run_lok

from . import clis
from .provider import FakeProvider

KEYS = {
    "codex": {"CODEX_API_KEY": "sk-fake-codex-key"},
    "gemini": {"GEMINI_API_KEY": "fake-gemini-key"},
    "claude": {"ANTHROPIC_API_KEY": "sk-ant-fake-key"},
}
CODEX = """
model = "gpt-5.5"
model_provider = "{provider}"
openai_base_url = "{url}/v1"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
apps = false
remote_plugin = false
[model_providers.impatient]
name = "impatient"
base_url = "{url}/v1"
env_key = "CODEX_API_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


class RealClis:
    """Real programs behind lok.

    Attributes:
        home: their HOME, private to the test and outside of folders that everyone may write to.
        code: the directory that they are asked about; it holds hello.txt.
    """

    def __init__(self, names, url, home):
        self.names = names
        self.home = home
        self.code = home / "code"
        self.code.mkdir()
        (self.code / "hello.txt").write_text("hello from the file\n")
        path = f"{clis.folder() / 'node_modules' / '.bin'}:{os.environ['PATH']}"
        self.env = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}
        for name in names:
            self.env |= KEYS[name]
        self.point_at(url)

    def point_at(self, url, *, codex_provider="impatient"):
        """Makes `url` the provider, in the way the programs' users do.

        Args:
            codex_provider: "openai" is what its users have, and tries everything several times.
        """
        if "codex" in self.names:
            self._write(".codex/config.toml", CODEX.format(url=url, provider=codex_provider))
        if "gemini" in self.names:
            # With another provider than Google's, gemini does not choose by itself to log in with a key.
            self._write(".gemini/settings.json", '{"security": {"auth": {"selectedType": "gemini-api-key"}}}')
            self.env["GOOGLE_GEMINI_BASE_URL"] = url
        if "claude" in self.names:
            self.env |= {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}

    def lok(self, *args, stdin=""):
        """lok as a process, in the directory."""
        return run_lok(args, env=self.env, cwd=self.code, stdin=stdin)

    def ask(self, prompt, *args):
        """The outcome of `lok ask`, as it stands in the JSON report, and how lok ended."""
        done = self.lok("ask", "-b", ",".join(self.names), "-f", "json", *args, "-", stdin=prompt)
        assert done.stdout, done.stderr
        for name in self.names:
            for key in KEYS[name].values():
                assert key not in done.stdout + done.stderr
        (outcome,) = done.report["outcomes"]
        return outcome, done

    def answer(self, prompt, *args):
        """The reply."""
        outcome, done = self.ask(prompt, *args)
        assert "reply" in outcome, outcome
        assert done.code == 0
        return outcome["reply"]

    def failure(self, prompt, *args):
        """Why there is no reply."""
        outcome, done = self.ask(prompt, *args)
        assert "reply" not in outcome, outcome
        assert done.code == 3
        return outcome

    def processes(self):
        """Command lines of the processes that have this HOME."""
        return clis.processes_in(self.home)

    def _write(self, name, text):
        (self.home / name).parent.mkdir(mode=0o700, exist_ok=True)
        (self.home / name).write_text(text)


@pytest.fixture
def provider():
    with FakeProvider(lifetime=120) as running:
        yield running


@pytest.fixture
def real(provider):
    """Makes real programs ready for the provider: `real("codex")`, `real("codex", "gemini")`."""
    with clis.private_folder() as home:
        yield partial(ready, provider, home)


def ready(provider, home, *names):
    """Real programs for the provider, in that home; skips the test where they are not installed."""
    for name in names:
        if clis.find(name) is None:
            package, version = clis.PACKAGES[name]
            pytest.skip(f"{package}@{version} is not in {clis.folder()}; tests/e2e/clis.py installs it")
    return RealClis(names, provider.url, home)


def pytest_collection_modifyitems(items):
    """Everything that uses a real program is marked so."""
    for item in items:
        if "real" in getattr(item, "fixturenames", ()):
            item.add_marker("e2e")
