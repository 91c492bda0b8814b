"""lok doctor."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict, frozen

from lok_core.cli.options import text_or_json
from lok_core.cli.output import hide, say, write_stdout
from lok_core.cli.places import given, open_here
from lok_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from lok_core.events import Event
    from lok_core.models import BackendInfo, Health

_LIMIT_S = 20.0  # for one backend; a program that hangs must not keep the others' health from being told
_JOBS = 32  # all at once, whatever the configuration says of requests


@frozen
class Diagnosis:
    """A configured backend, and what its check found."""

    info: BackendInfo
    health: Health

    @property
    def askable(self) -> bool:
        """Whether a question would reach it without more ado."""
        return self.info.eligible and self.health.ready


@click.command(short_help="Check that each backend is ready, and say what would mend one that is not.")
@click.option(
    "-c", "--config", "file", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."
)
@text_or_json
@click.option("--orphans", is_flag=True, help="List processes that a killed lok has left, and do no more.")
@click.option("--end", is_flag=True, help="With --orphans: end them; asks first.")
@click.option("-y", "--yes", is_flag=True, help="With --end: do not ask.")
@click.pass_context
def doctor(ctx: click.Context, /, file: str | None, form: str, orphans: bool, end: bool, yes: bool) -> int:
    """Checks every backend without asking a model: program, version, log-in or key.

    Exits with 0 when at least one backend is ready to be asked, else with 3. With --orphans: with 0 when
    nothing of a killed lok is left, else with 3.
    """
    if end and not orphans:
        raise UsageError("--end goes with --orphans", "lok doctor --orphans --end")
    if yes and not end:
        raise UsageError("-y goes with --end", "lok doctor --orphans --end -y")
    if orphans:
        from lok_core.cli.orphans import tell_orphans

        return tell_orphans(given(ctx, "config", file), form, end=end, yes=yes)
    import trio  # not at the top: `--help` would pay for it

    try:
        with contextlib.redirect_stdout(sys.stderr):  # a plugin that prints must not spoil the report
            diagnoses = trio.run(_examine, given(ctx, "config", file))
    except BaseExceptionGroup as group:  # Ctrl-C arrives in one of the nurseries on the way
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        return ExitCode.INTERRUPTED
    write_stdout(_json(diagnoses) if form == "json" else _text(diagnoses))
    return ExitCode.OK if any(one.askable for one in diagnoses) else ExitCode.NO_ANSWER


async def _examine(config: str | None) -> list[Diagnosis]:
    from lok_core.lok.recipes import unused
    from lok_core.models import BackendInfo, Health, Profile
    from lok_core.sanitize import clean_line, masked

    def listen(event: Event) -> None:
        if event.kind == "note":
            say(f"note: {clean_line(event.text)}")

    async with open_here(config, timeout_s=_LIMIT_S, jobs=_JOBS, listener=listen) as lok:
        hide(lok.engine.panel.secrets)
        healths = await lok.check()
        panel = lok.engine.panel
        broken = {name: Health(ready=False, message=problem) for name, problem in panel.problems.items()}
        infos = {info.name: info for info in panel.infos()}
        for name in broken.keys() - infos.keys():
            infos[name] = BackendInfo(name, "", Profile(), available=False, eligible=False)
        if idle := ", ".join(one.name for one in unused(panel.env, lok.settings, infos)):
            say(f"note: {idle} could be asked as well; `lok backends recipes` tells how")
        found = [Diagnosis(infos[name], broken.get(name) or healths[name]) for name in sorted(infos)]
        return masked(found, panel.mask)


def _text(diagnoses: list[Diagnosis]) -> str:
    from lok_core.sanitize import clean_line

    if not diagnoses:
        return 'no backend is installed; pip install "lok-core[standard]" adds the first one\n'
    width = max(len(one.info.name) for one in diagnoses)
    lines = []
    for one in diagnoses:
        lines.append(f"{one.info.name:{width}}  {_state(one):9}  {_facts(one.health)}".rstrip())
        if one.health.hint:
            lines.append(f"{'':{width}}  {'':9}  -> {one.health.hint}")
    heeding = [(one.info.name, what) for one in diagnoses if one.askable for what in one.info.profile.heeds]
    if heeding:
        lines += ["", "in a directory that is not trusted, these cannot be kept out:"]
        lines += [f"{name:{width}}  {what}" for name, what in heeding]
    askable = [one.info.name for one in diagnoses if one.askable]
    lines += ["", f"ready to be asked: {', '.join(askable) or 'none'}"]
    return "".join(f"{clean_line(line)}\n" for line in lines)


def _state(one: Diagnosis) -> str:
    if not one.health.ready:
        return "not ready"
    return "ready" if one.info.profile.asked_by_default else "by name"


def _facts(health: Health) -> str:
    version = health.version or ""
    if version and health.known_good is not None:
        version += " (tested with lok)" if health.known_good else " (not tested with lok)"
    logged_in = "logged in" if health.logged_in and not health.message else ""
    return ", ".join(fact for fact in (health.message, logged_in, version, health.program) if fact)


def _json(diagnoses: list[Diagnosis]) -> str:
    backends: list[dict[str, Any]] = [
        {
            "name": one.info.name,
            "kind": one.info.kind,
            "eligible": one.info.eligible,
            "heeds": one.info.profile.heeds,
            **asdict(one.health),
        }
        for one in diagnoses
    ]
    ready = any(one.askable for one in diagnoses)
    return json.dumps({"schema": "lok.doctor/1", "ready": ready, "backends": backends}, indent=2) + "\n"
