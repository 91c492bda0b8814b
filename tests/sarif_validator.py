"""Microsoft's SARIF validator: installs it, finds it, and says what it has to say about logs.

`python tests/sarif_validator.py` installs what is missing and prints the version. It goes to the folder named
by LOK_SARIF_MULTITOOL, else to ~/.cache/lok-sarif, and takes about 105 MB.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

PACKAGE, VERSION = "@microsoft/sarif-multitool", "5.7.0"
PROGRAM = Path("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool")


class Complaint(NamedTuple):
    """`level`: error or warning."""

    file: str
    level: str
    rule: str
    message: str


def folder(env: Mapping[str, str] = os.environ) -> Path:
    """Where the validator is, or will be."""
    return Path(env.get("LOK_SARIF_MULTITOOL") or Path.home() / ".cache" / "lok-sarif")


def find() -> Path | None:
    """The program, if exactly the wanted version of it is installed."""
    try:
        installed = json.loads((folder() / "node_modules" / PACKAGE / "package.json").read_text())["version"]
    except FileNotFoundError:
        return None
    found = folder() / PROGRAM
    return found if installed == VERSION and found.exists() else None


def install() -> None:
    """Installs it from the npm registry unless it is there.

    Raises:
        subprocess.CalledProcessError: npm failed; it has said why on standard error.
    """
    if find():
        return
    target = folder()
    target.mkdir(parents=True, exist_ok=True)
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(
        ["npm", "install", "--prefix", target, *quiet, f"{PACKAGE}@{VERSION}"], cwd=target, check=True
    )


def complaints(files: Iterable[Path], output: Path) -> list[Complaint]:
    """What it has to say about the logs, by the rules of SARIF and of GitHub.

    Args:
        output: a file that is not there yet, for its own log.

    Raises:
        FileNotFoundError: it is not installed.
        AssertionError: it did not look at the files.
    """
    program = find()
    if program is None:
        raise FileNotFoundError(f"{PACKAGE} {VERSION} is not in {folder()}; run {__file__}")
    wanted = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"]
    done = subprocess.run(
        [program, "validate", *wanted, "-o", output, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = json.loads(output.read_text(encoding="utf-8-sig"))["runs"]
    texts = {rule["id"]: rule.get("messageStrings", {}) for rule in run["tool"]["driver"].get("rules", ())}
    return [_complaint(result, texts) for result in run["results"]]


def _complaint(result: dict, texts: dict) -> Complaint:
    message = result["message"]
    said = texts[result["ruleId"]][message["id"]]["text"] if "id" in message else message["text"]
    for number, value in enumerate(message.get("arguments", ())):
        said = said.replace(f"{{{number}}}", value)
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    return Complaint(
        place.get("uri", "").rpartition("/")[2], result.get("level", "warning"), result["ruleId"], said
    )


if __name__ == "__main__":
    install()
    sys.stdout.write(f"{PACKAGE}: {VERSION}\n")
