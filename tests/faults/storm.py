"""Two hundred requests at once, of which a third fail in assorted ways, and lok ended at a random moment."""

import json
import random
import signal
import sys
import time
from pathlib import Path

from attrs import Factory, define

from .runs import BUSY, GONE_S, Started, Verdict, environment, read_report, state_folder, until

REQUESTS = 200
LONGEST_S = 3.0  # until the last of those that answer does, at the least
BOUND_S = 15.0  # from the signal to the end of lok; times BUSY

# What each does once it has its prompt, and what may become of it.
WAYS = {
    "answers": ("", {"answer"}),
    "fails": ("exit 1", {"crashed"}),
    "says-nothing": ("exit 0", {"empty"}),
    "dies": ("kill -SEGV $$", {"crashed"}),
    "hangs": ("exec sleep 1000", set()),
    "is-deaf": ("trap '' TERM INT HUP; sleep 1000; sleep 1000", set()),
    "stops": ("kill -STOP $$", set()),
    "leaves": ("setsid sleep 1000 </dev/null >/dev/null 2>&1 & exit 1", {"crashed"}),
    "quota": ("echo 'exceeded your current quota' >&2; exit 1", {"quota"}),
}
PROGRAM = """#!/bin/sh
# NUMBER WAY SECONDS
echo "$1 called" >>'{log}'
cat >/dev/null
sleep "$3"
way=$2
[ -e '{calm}' ] && way=answers
case $way in
answers)
    echo "answer of $1"
    echo "$1 said" >>'{log}'
    ;;
{cases}
esac
"""


@define
class Storm:
    """One of them.

    Attributes:
        folder: empty; all of it happens there.
        seed: decides who does what, and when lok is ended.
        number: the signal that ends it.
    """

    folder: Path
    seed: int
    number: signal.Signals
    ways: dict[str, str] = Factory(dict)

    def tried(self) -> Verdict:
        """Asks all of them, ends lok, compares what is left with what the programs wrote down, goes on."""
        draw = random.Random(self.seed)
        self._lay_out(draw)
        moment = draw.uniform(0.2, LONGEST_S)
        verdict = Verdict()
        argv = [sys.executable, "-m", "lok_core", "ask", "--jobs", str(REQUESTS), "-f", "json"]
        with Started([*argv, "-b", ",".join(self.ways), "q"], self.folder) as lok:
            # From the first call on: before that there is nothing to lose.
            until(lambda: self._logged("called"), BOUND_S * BUSY)
            time.sleep(moment)
            announced = self._announced(lok)
            said = self._logged("said")
            lok.process.send_signal(self.number)
            begin = time.monotonic()
            if not lok.ended(BOUND_S * BUSY):
                verdict.hung.append(f"not over after {BOUND_S * BUSY:g} s; stderr: {lok.stderr[-500:]!r}")
                return verdict
            verdict.seconds = time.monotonic() - begin
            if self.number == signal.SIGKILL:
                until(lambda: not lok.left(), GONE_S * BUSY)
            verdict.leaked += [f"process {pid}" for pid in lok.left()]
        if self.number != signal.SIGKILL:
            self._judge_report(lok, announced, said, verdict)
        journalled = self._journalled(verdict)
        if missing := announced - journalled:
            verdict.lost.append(f"announced, and not in the journal: {sorted(missing)}")
        self._go_on(journalled, verdict)
        return verdict

    def _lay_out(self, draw):
        failing = [way for way in WAYS if way != "answers"]
        ways = ["answers"] * (REQUESTS - REQUESTS // 3)
        ways += [failing[place % len(failing)] for place in range(REQUESTS // 3)]
        draw.shuffle(ways)
        self.ways = {f"b{place:03}": way for place, way in enumerate(ways)}
        cases = "".join(
            f'{way})\n    echo "half of $1"\n    {does}\n    ;;\n'
            if way != "says-nothing"
            else f"{way}) {does} ;;\n"
            for way, (does, _) in WAYS.items()
            if does
        )
        (self.folder / "bin").mkdir()
        program = self.folder / "bin" / "storm"
        program.write_text(PROGRAM.format(log=self._log, calm=self.folder / "calm", cases=cases))
        program.chmod(0o755)
        environment(self.folder)
        config = self.folder / "home" / ".config" / "lok" / "lok.toml"
        config.parent.mkdir(parents=True)
        config.write_text(
            "".join(
                f'[backends.{name}]\nuse = "command"\ncommand = "{program}"\n'
                f'args = ["{name}", "{way}", "{draw.uniform(0, LONGEST_S):.3f}"]\n'
                for name, way in self.ways.items()
            )
        )

    @property
    def _log(self):
        return self.folder / "log"

    def _logged(self, what):
        """Those of whom the programs have written that down, as often as they did."""
        if not self._log.exists():
            return []
        lines = [line.split() for line in self._log.read_text().splitlines()]
        return [line[0] for line in lines if line[1:] == [what]]

    @staticmethod
    def _announced(lok):
        """Those of whom lok has said that they have answered: it has journalled that before."""
        whole = lok.stderr.decode().rpartition("\n")[0]
        return {line.partition(":")[0] for line in whole.splitlines() if ": answered in " in line}

    def _judge_report(self, lok, announced, said, verdict):
        if lok.process.returncode != 128 + self.number:
            verdict.misjudged.append(f"exit code {lok.process.returncode}; stderr: {lok.stderr[-500:]!r}")
        running = state_folder(self.folder) / "running"
        verdict.leaked += [f"private folder {path}" for path in running.iterdir()]
        report = read_report(lok.stdout, lok.stderr, verdict)
        if report is None:
            return
        self._judge_outcomes(report, verdict, ended=True)
        if not report["interrupted"]:
            verdict.misjudged.append("the report says nothing of an interruption")
        outcomes = {outcome["backend"]: outcome for outcome in report["outcomes"]}
        for name in set(said) | announced:
            outcome = outcomes.get(name, {})
            text = outcome.get("partial") or outcome.get("reply", {}).get("text", "")
            if f"answer of {name}" not in text:
                verdict.lost.append(f"{name} had answered: {outcome}")
        for name in announced:
            if outcomes.get(name, {}).get("outcome") != "answer":
                verdict.misjudged.append(f"{name} was announced as answered: {outcomes.get(name)}")

    def _judge_outcomes(self, report, verdict, *, ended):
        """Whether each has an outcome, and one that it may have."""
        outcomes = {outcome["backend"]: outcome for outcome in report["outcomes"]}
        if missing := set(self.ways) - set(outcomes):
            verdict.lost.append(f"no outcome of {sorted(missing)}")
        for name, outcome in outcomes.items():
            way = self.ways[name] if ended else "answers"
            kind = outcome.get("kind", "answer")
            if kind not in (WAYS[way][1] | ({"cancelled"} if ended else set())):
                verdict.misjudged.append(f"{name}, which {way}: {kind}, {outcome.get('message')}")
            if kind == "answer" and outcome["reply"]["text"] != f"answer of {name}":
                verdict.misjudged.append(f"{name}: {outcome['reply']['text']!r}")

    def _journalled(self, verdict):
        """Whose answers the journal has."""
        found = set()
        files = list((state_folder(self.folder) / "runs").glob("*.jsonl"))
        if len(files) != 1:
            verdict.lost.append(f"journals: {files}")
            return found
        for line in files[0].read_bytes().split(b"\n")[:-1]:
            entry = json.loads(line)
            outcome = entry.get("outcome", {})
            if entry["kind"] == "outcome" and outcome["outcome"] == "answer":
                found.add(outcome["backend"])
                if outcome["reply"]["text"] != f"answer of {outcome['backend']}":
                    verdict.misjudged.append(f"the journal: {outcome}")
        return found

    def _go_on(self, journalled, verdict):
        """`lok resume`, now that every program answers: it must ask those who had not, and no others."""
        (self.folder / "calm").touch()
        before = len(self._logged("called"))
        argv = [sys.executable, "-m", "lok_core", "resume", "last", "-f", "json", "--jobs", str(REQUESTS)]
        with Started(argv, self.folder) as lok:
            if not lok.ended(BOUND_S * BUSY):
                verdict.hung.append(f"resume: not over; stderr: {lok.stderr[-500:]!r}")
                return
            verdict.leaked += [f"resume: process {pid}" for pid in lok.left()]
        report = read_report(lok.stdout, lok.stderr, verdict)
        if report is None:
            return
        self._judge_outcomes(report, verdict, ended=False)
        asked = self._logged("called")[before:]
        if sorted(asked) != sorted(set(self.ways) - journalled):
            again, left_out = set(asked) & journalled, set(self.ways) - journalled - set(asked)
            verdict.misjudged.append(f"resume asked again {sorted(again)}, did not ask {sorted(left_out)}")
        if lok.process.returncode != 0:
            verdict.misjudged.append(f"resume: exit code {lok.process.returncode}: {lok.stderr[-500:]!r}")
