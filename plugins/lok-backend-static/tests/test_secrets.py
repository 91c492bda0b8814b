"""The secrets scan. Tokens are put together here, so that none stands in the repository."""

import base64
import hashlib
import random
import string
import threading

import pytest
from lok_backend_static.files import walk
from lok_backend_static.secrets import find_secrets, patterns


def made(length, alphabet=string.ascii_letters + string.digits):
    """A random-looking text, the same each time."""
    return "".join(random.Random(length).choices(alphabet, k=length))


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
KEY_LINE = base64.b64encode(hashlib.sha512(b"key").digest()[:48]).decode()
SAMPLES = {
    "aws-access-key": "AKIA" + made(16, UPPER),
    "aws-secret-key": "AWS_SECRET_ACCESS_KEY=" + made(40),
    "gcp-service-account": '"private_key_id": "' + made(40, HEX) + '"',
    "google-api-key": "AIza" + made(35),
    "google-oauth-secret": "GOCSPX-" + made(28),
    "azure-storage-key": "DefaultEndpointsProtocol=https;AccountKey=" + made(86) + "==",
    "azure-client-secret": made(3) + "8Q~" + made(34),
    "github-token": "ghp_" + made(36),
    "github-fine-grained-token": "github_pat_" + made(22) + "_" + made(59),
    "gitlab-token": "glpat-" + made(20),
    "bitbucket-token": "ATBB" + made(32),
    "slack-token": "xoxb-" + made(12, string.digits) + "-" + made(24),
    "slack-webhook": "https://hooks.slack.com/services/T"
    + made(8, UPPER)
    + "/B"
    + made(8, UPPER)
    + "/"
    + made(24),
    "discord-webhook": "https://discord.com/api/webhooks/" + made(18, string.digits) + "/" + made(68),
    "telegram-token": made(9, string.digits) + ":AA" + made(33),
    "stripe-key": "sk_live_" + made(24),
    "stripe-webhook-secret": "whsec_" + made(32),
    "twilio-key": "TWILIO_AUTH_TOKEN = '" + made(32, HEX) + "'",
    "sendgrid-key": "SG." + made(22) + "." + made(43),
    "mailgun-key": "key-" + made(32, HEX),
    "npm-token": "npm_" + made(36),
    "npm-auth": "//registry.npmjs.org/:_authToken=" + made(36, HEX),
    "pypi-token": "pypi-AgE" + made(60),
    "rubygems-token": "rubygems_" + made(48, HEX),
    "docker-hub-token": "dckr_pat_" + made(27),
    "hugging-face-token": "hf_" + made(34),
    "anthropic-key": "sk-ant-api03-" + made(93),
    "openai-key": "sk-proj-" + made(64),
    "openrouter-key": "sk-or-v1-" + made(64, HEX),
    "groq-key": "gsk_" + made(52),
    "xai-key": "xai-" + made(80),
    "perplexity-key": "pplx-" + made(48),
    "replicate-token": "r8_" + made(37),
    "model-provider-key": "MISTRAL_API_KEY=" + made(32),
    "digitalocean-token": "dop_v1_" + made(64, HEX),
    "heroku-key": "HEROKU_API_KEY=" + "-".join(made(n, HEX) for n in (8, 4, 4, 4, 12)),
    "vault-token": "hvs." + made(90),
    "shopify-token": "shpat_" + made(32, HEX),
    "grafana-token": "glsa_" + made(32) + "_" + made(8, HEX),
    "age-key": "AGE-SECRET-KEY-1" + made(58, UPPER),
    "private-key": "-----BEGIN RSA PRIVATE " + f"KEY-----\n{KEY_LINE}\n{KEY_LINE[::-1]}\n-----END",
    "json-web-token": "eyJ" + made(20) + ".eyJ" + made(40) + "." + made(43),
    "connection-string": "postgresql://shop:" + made(12) + "@db.internal:5432/shop",
    "url-password": "https://deploy:" + made(12) + "@git.internal/x.git",
    "database-password": "Server=db;Database=shop;User Id=sa;Password=" + made(12) + ";",
}


def rules_in(text, name="notes.txt", area="source"):
    return {secret.rule.removeprefix("secret:") for secret in find_secrets(name, text.encode(), area)}


def test_every_form_has_a_sample():
    assert set(SAMPLES) == {pattern.name for pattern in patterns()}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_form_is_found(name):
    assert name in rules_in(f"# first\nvalue = {SAMPLES[name]}\n" if name != "npm-auth" else SAMPLES[name])


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_value_is_kept_whole(name):
    (secret, *_) = [
        s for s in find_secrets("x.txt", SAMPLES[name].encode(), "source") if s.rule.endswith(name)
    ]
    assert secret.value in SAMPLES[name]
    assert len(secret.value) >= 12


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "ghp_" + "A" * 36,
        "sk-proj-" + "your-key-" * 6,
        "token: ${GITHUB_TOKEN}",
        "postgres://user:password@localhost/db",
        "postgres://postgres:postgres@db/db",
        "postgres://user:${DB_PASSWORD}@db/db",
        "postgres://user:" + made(12) + "@example.com/db",
        "https://user:pass@host/path",
        "http://[::1]:8080/@x",
        "-----BEGIN RSA PRIVATE KEY-----",
        "if line == '-----BEGIN PRIVATE KEY-----': pass",
        "key-" + "0" * 32,
        "the sk-learn-style-name-of-a-css-class-which-is-long-enough-to-be-one",
        "self._password = make_password(raw)",
    ],
)
def test_placeholders_and_mentions_are_none(text):
    assert rules_in(text, "a.py") == set()


ASSIGNED = [
    ("settings.py", 'SECRET_KEY = "k3-' + made(24) + '"'),
    ("settings.py", 'DB_PASSWORD = "hunter' + '2!"'),
    ("app.js", "const apiKey = '" + made(32) + "';"),
    ("config.json", '{"password": "' + made(10) + '1"}'),
    ("config.php", "define('DB_PASSWORD', '" + made(10) + "1');"),
    ("config.php", "'password' => '" + made(10) + "1',"),
    ("app.go", 'password := "' + made(10) + '1"'),
    ("lib.rs", 'const API_TOKEN: &str = "' + made(24) + '1";'),
    (".env", "DB_PASSWORD=" + made(10) + "1"),
    ("deploy/prod.env", "API_TOKEN=" + made(24)),
    ("app.yml", "  password: " + made(10) + "1"),
    ("application.properties", "spring.datasource.password=" + made(10) + "1"),
]


@pytest.mark.parametrize(("name", "text"), ASSIGNED)
def test_value_of_a_telling_name_is_found(name, text):
    assert rules_in(text, name) == {"assigned-value"}


@pytest.mark.parametrize(("name", "text"), ASSIGNED)
def test_value_of_a_telling_name_is_not_looked_for_in_tests(name, text):
    assert rules_in(text, name, area="tests") == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'password = "changeme"'),
        ("a.py", 'password = os.environ["DB_PASSWORD_1"]'),
        ("a.py", 'PASSWORD_FIELD = "password_1"'),
        ("a.py", 'token_url = "https://auth.internal/oauth2/token1"'),
        ("a.py", 'csrf_token = "csrfmiddlewaretoken"'),
        ("a.py", 'INTERNAL_RESET_SESSION_TOKEN = "_password_reset_token"'),
        ("a.py", 'fields = ["password", "new_password2"]'),
        ("a.py", 'if token == "abcdef1234567890abcd": pass'),
        ("a.py", 'SECRET_KEY = "dev"'),
        ("a.js", "const tokenHeader = 'X-Auth-Token-2';"),
        ("a.js", "const password = `${user}:${salt}1`;"),
        ("a.yml", "password: ${DB_PASSWORD}"),
        ("a.yml", "password: {{ db_password_1 }}"),
        ("a.yml", "secretName: shop-tls-2"),
        (".env.example", "DB_PASSWORD=abc123def456"),
        ("README.md", 'password = "s3cr3t-value"'),
        ("forms.py", 'password_help = "Use 8 characters or more."'),
    ],
)
def test_words_names_and_references_are_no_values(name, text):
    assert rules_in(text, name) == set()


def test_one_value_on_a_line_is_one_secret():
    text = 'GITHUB_TOKEN = "ghp_' + made(36) + '"'
    assert rules_in(text, "a.py") == {"github-token"}


def test_lines_are_counted_from_one():
    (secret,) = find_secrets("a.txt", b"\n\n" + SAMPLES["npm-token"].encode(), "source")
    assert secret.line == 3


def test_a_private_key_is_reported_where_it_begins():
    (secret,) = find_secrets("id_rsa", SAMPLES["private-key"].encode(), "source")
    assert (secret.line, secret.value_line) == (1, 2)


@pytest.mark.slow
def test_long_lines_full_of_near_misses_are_no_trouble():
    for piece in (
        "password='",
        "://a:b",
        "-----BEGIN PRIVATE KEY-----\nAa: ",
        "aws_sk_",
        "eyJaaaaaaaaaa.",
        "Pwd=a;",
    ):
        find_secrets("a.env", (piece * (1_000_000 // len(piece))).encode(), "source")


async def test_values_are_masked_in_what_is_quoted(query, tmp_path):
    token = SAMPLES["github-token"]
    (tmp_path / "a.py").write_text(
        f'import hashlib\nx = eval("{token}" + hashlib.md5(b"{token}").hexdigest())\n'
    )
    for category in ("secrets", "security"):
        found = (await query(tmp_path, category)).data["findings"]
        assert found
        for lead in found:
            assert token not in str(lead)
            assert "ghp_***(40 characters)" in lead["quote"]


async def test_a_key_within_a_line_is_masked_whole(query, tmp_path):
    key = "-----BEGIN PRIVATE " + f"KEY-----\\n{KEY_LINE}\\n{KEY_LINE[::-1]}\\n-----END"
    (tmp_path / "a.py").write_text(f'KEY = "{key}"\n')
    (lead,) = (await query(tmp_path, "secrets")).data["findings"]
    assert KEY_LINE[::-1][:20] not in lead["quote"]
    assert lead["line"] == 1


async def test_files_of_any_kind_are_scanned(query, tmp_path):
    names = ("notes", "a.md", ".env", "Dockerfile", "a.min.js", "b/.npmrc")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"x {SAMPLES['npm-token']}\n")
    found = (await query(tmp_path, "secrets")).data["findings"]
    assert {lead["file"] for lead in found} == set(names)


async def test_binary_files_are_not(query, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\0" + SAMPLES["npm-token"].encode())
    assert (await query(tmp_path, "secrets")).data["findings"] == []


def test_no_token_stands_in_this_distribution():
    from pathlib import Path

    root = Path(__file__).parent.parent
    for file in walk(root, threading.Event()).files:
        if "fixtures" not in file.name:
            found = find_secrets(file.name, Path(file.path).read_bytes(), "tests")
            assert found == [], file.name
