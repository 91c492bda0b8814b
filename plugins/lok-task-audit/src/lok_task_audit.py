"""lok audit: weaknesses that an attacker could use."""

from __future__ import annotations

from lok_core import Prompt, PromptTask, Task, hookimpl

__version__ = "0.1.0"

_FORM = """

{facts}

Read the source files in the current directory before you answer. Report at most five problems, the worst
first, and only such as you can point to: for each give the file and the line (`path/to/file.py:42`), the
source line itself copied exactly, who could do what with it and which input reaches it, how bad it is
(critical, high, medium, low, info), and what to do instead. Leave out what no attacker can reach and anything
you did not see in the code. If there is nothing, say so. Where you can give structured output, use the form
`lok.findings/1` you were given.
"""


class Audit(PromptTask):
    """What an attacker could do."""

    name = "audit"
    description = "Find security issues"
    preferred = ("gemini",)
    prompts = (
        Prompt(
            "injection",
            "Audit this code base for injection: input from outside that reaches an SQL query, a shell "
            "command, an HTML page, a template, a file path, a URL or an interpreter without being bound, "
            "escaped or checked." + _FORM,
            category="injection",
        ),
        Prompt(
            "auth",
            "Audit this code base for missing or broken authentication and authorisation: entry points "
            "without a check, objects that are fetched by an id from the request without asking whose they "
            "are, sessions and tokens that can be forged, replayed or never expire." + _FORM,
            category="auth",
        ),
        Prompt(
            "secrets",
            "Audit this code base for secrets: keys, passwords and tokens in the source, in its "
            "configuration, in logs, in error messages or in what is sent to clients. Show no more than the "
            "first four characters of a value." + _FORM,
            category="secrets",
        ),
        Prompt(
            "security",
            "Audit this code base for other weaknesses: weak or misused cryptography, disabled certificate "
            "checks, unsafe deserialisation, requests to addresses that input chooses, predictable random "
            "numbers where they must not be, debug switches and permissions left open." + _FORM,
            category="security",
        ),
    )


@hookimpl
def lok_register_tasks() -> list[type[Task]]:
    return [Audit]
