"""lok hunt: bugs, waste and dead code."""

from __future__ import annotations

from lok_core import Prompt, PromptTask, Task, hookimpl

__version__ = "0.1.0"

_FORM = """

{facts}

Read the source files in the current directory before you answer. Report at most five problems, the worst
first, and only such as you can point to: for each give the file and the line (`path/to/file.py:42`), the
source line itself copied exactly, what goes wrong and under which circumstances, how bad it is (critical,
high, medium, low, info), and what to do instead. Leave out style, wishes and anything you did not see in the
code. If there is nothing, say so. Where you can give structured output, use the form `lok.findings/1` you
were given.
"""


class Hunt(PromptTask):
    """What breaks, what is slow, what is no longer needed."""

    name = "hunt"
    description = "Find bugs and code issues"
    preferred = ("codex",)
    prompts = (
        Prompt(
            "errors",
            "Search this code base for bugs that make it fail or give wrong results: unhandled or swallowed "
            "errors, wrong conditions, off-by-one mistakes, values that may be missing, resources that are "
            "never released, races between threads or tasks, misused interfaces." + _FORM,
            category="errors",
        ),
        Prompt(
            "perf",
            "Search this code base for code that is slower or takes more memory than it has to by a factor "
            "that users notice: work repeated inside loops, quadratic algorithms, blocking calls in "
            "asynchronous code, whole files or tables loaded where a part would do." + _FORM,
            category="performance",
        ),
        Prompt(
            "n+1",
            "Search this code base for N+1 access: a database query, a request over the network or a lazily "
            "loaded relation inside a loop over the results of another one, where one query, a join, a "
            "prefetch or a batch would do." + _FORM,
            category="performance",
        ),
        Prompt(
            "dead-code",
            "Search this code base for code that can never run or is never used: unreachable statements, "
            "conditions that are always true or always false, functions, parameters and imports without a "
            "use. Check for use by name, by reflection and from outside before you report one." + _FORM,
            category="dead-code",
        ),
    )


@hookimpl
def lok_register_tasks() -> list[type[Task]]:
    return [Hunt]
