"""What those outside see of a rotation while it goes: its spectator, and its lines in the log."""

from __future__ import annotations

from dataclasses import dataclass, field

from rotator.models import Pair, Snapshot
from rotator.report import Report
from tests.daemons import captured
from tests.staging import SLOT, Stage, days_before, on_stage, server

WEB = server()
PAIR = Pair(WEB, WEB.policies[0])


@dataclass
class Watcher:
    """A spectator that remembers what it was told, in order."""

    seen: list[tuple[str, object]] = field(default_factory=list)

    def started(self, pair: Pair) -> None:
        """It began."""
        self.seen.append(("started", pair))

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """It waits."""
        self.seen.append(("waiting", pair))

    def finished(self, report: Report) -> None:
        """It ended."""
        self.seen.append(("finished", report))


def test_a_spectator_is_told_of_the_start_the_waits_and_the_very_report() -> None:
    async def scene(stage: Stage) -> None:
        watcher = stage.office.spectator = Watcher()
        report = await stage.rotate(PAIR)
        first, *between, last = watcher.seen
        assert first == ("started", PAIR)
        assert between
        assert set(between) == {("waiting", PAIR)}
        assert last == ("finished", report)

    on_stage(scene, WEB)


def test_every_line_of_a_rotation_bears_its_facts_and_an_id_of_its_own() -> None:
    lines: list[dict[str, object]] = []

    async def scene(stage: Stage) -> None:
        with captured(lambda line: lines.append(dict(line))):
            await stage.rotate(PAIR)
            await stage.rotate(PAIR)

    on_stage(scene, WEB)
    facts = {"server_id": 1, "server": "web-1", "policy": "nightly", "slot": f"{SLOT:%Y%m%dT%H%M%SZ}"}
    assert all(facts.items() <= line.items() for line in lines)
    ids = [str(line["rotation_id"]) for line in lines]
    assert len(set(ids)) == 2
    assert {len(each) for each in ids} == {12}


def test_the_report_says_of_each_kept_one_which_rule_keeps_it() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 2, 1))
        report = await stage.rotate(PAIR)
        assert [verdict.reasons for verdict in report.buckets.kept] == [("last",), ("last",)]

    on_stage(scene, WEB)
