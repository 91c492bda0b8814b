"""What a real program says of the code becomes SARIF: what is right, what has moved, what is invented."""

import json

import pytest

from .provider_answers import Scripted

SQL = 'rows = db.execute("SELECT * FROM users WHERE name = " + name)'
LOOP = "total = [load(item) for item in items for _ in rows]"
CODE = f"import db\n{SQL}\n\n\n{LOOP}\n"


def item(title, file, line, quote, severity, category):
    told = {"title": title, "explanation": "It matters.", "severity": severity, "category": category}
    return {**told, "file": file, "line": line, "end_line": None, "quote": quote, "rule": None, "area": None}


DATA = {
    "findings": [
        item("SQL injection through the name", "app/db.py", 2, SQL, "critical", "injection"),
        item("Items are loaded once for each row", "app/db.py", 40, LOOP, "medium", "performance"),
        item("Tokens are written to the log", "app/ghost.py", 7, "log(token)", "high", "secrets"),
    ]
}
MARKDOWN = f"""I read the code and found three problems.

1. **[Critical] SQL injection through the name**: `app/db.py:2`

   ```python
   {SQL}
   ```

2. **[Medium] Items are loaded once for each row**: `app/db.py:40`

   ```python
   {LOOP}
   ```

3. **[High] Tokens are written to the log**: `app/ghost.py:7`

   ```python
   log(token)
   ```
"""


@pytest.mark.parametrize("name", ["codex", "gemini", "claude"])
def test_the_sarif_of_a_hunt_is_right(real, provider, name):
    # gemini knows no structured output.
    provider.script(
        lambda asked: Scripted(text=MARKDOWN if name == "gemini" else json.dumps(DATA), data=DATA)
    )
    program = real(name)
    (program.code / "app").mkdir()
    (program.code / "app" / "db.py").write_text(CODE)
    done = program.lok("hunt", "-b", name, "-f", "sarif", ".")
    assert done.code == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    places = {}
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        places[place["artifactLocation"]["uri"], place["region"]["startLine"]] = (
            result["message"]["text"].splitlines()[0].split(".")[0].split(":")[0],
            result["level"],
            result["properties"]["grounding"],
            result["properties"]["agreement"],
        )
    assert {place: told[1:] for place, told in places.items()} == {
        ("app/db.py", 2): ("error", "exact", 1),
        ("app/db.py", 5): ("warning", "moved", 1),
        ("app/ghost.py", 7): ("error", "file-missing", 1),
    }
    assert "SQL injection through the name" in places["app/db.py", 2][0]
    (extension,) = run["tool"]["extensions"]
    assert extension["name"] == name
    assert extension["version"]
