"""What was truly deleted is counted for the rotation that announced it, whatever it heard of it."""

from __future__ import annotations

from datetime import timedelta

from campaigns.witness import Witness
from rotator.sandbox import Change
from tests.sandbox.conftest import START, StandingClock
from tests.staging import policy, server

NIGHTLY = policy("nightly", max_deletes=2)
WEB = server(NIGHTLY)


def witness() -> Witness:
    """Who watches one server."""
    return Witness({WEB.key: WEB}, StandingClock(), lambda key: None)


def announced(one: Witness, id: int, rotation: str) -> None:
    """The log's line ahead of a delete."""
    one.take(
        {
            "event": "snapshot.delete_requested",
            "server_id": WEB.id,
            "policy": "nightly",
            "rotation_id": rotation,
            "snapshot_id": id,
            "snapshot": f"nightly-{id}",
            "state": "ready",
            "reasons": ["not_kept"],
        }
    )


def deleted(id: int, status: str = "completed", size_mb: float | None = 5120) -> Change:
    """The truth of it."""
    made = START - timedelta(days=1)
    return Change(START, "deleted", id, WEB.id, f"nightly-{id}", status, size_mb, made)


def test_a_rotation_that_deletes_more_than_it_may_is_found_though_it_heard_no_answer() -> None:
    one = witness()
    for id in (1, 2, 3):
        announced(one, id, "a")
        one.follow([deleted(id)])
    assert [what.partition(" rotation")[2] for what in one.findings] == [
        " a of nightly on web-1 deleted 3 ready ones"
    ]


def test_the_next_rotation_may_delete_as_many_again() -> None:
    one = witness()
    for id in (1, 2, 3, 4):
        announced(one, id, "a" if id < 3 else "b")
        one.follow([deleted(id)])
    assert one.findings == []


def test_failed_and_empty_ones_cost_nothing() -> None:
    one = witness()
    for id in (1, 2, 3, 4):
        announced(one, id, "a")
    one.follow([deleted(1), deleted(2), deleted(3, "failed", None), deleted(4, size_mb=0)])
    assert one.findings == []


def test_a_delete_without_a_word_is_found() -> None:
    one = witness()
    one.follow([deleted(1)])
    assert len(one.findings) == 1
    assert "deleted without a word" in one.findings[0]


def at(slot: str, event: str) -> dict[str, object]:
    """A line about a slot of the pair."""
    return {"event": event, "server_id": WEB.id, "policy": "nightly", "slot": f"20270314T{slot}00Z"}


def test_a_slot_that_waited_and_was_forgotten_is_found() -> None:
    one = witness()
    one.take(at("0715", "schedule.overrun"))
    one.take(at("0730", "rotation.started"))
    assert len(one.findings) == 1
    assert "20270314T071500Z was to wait, and 20270314T073000Z came first" in one.findings[0]


def test_a_slot_that_gets_its_turn_or_is_told_as_missed_is_none() -> None:
    one = witness()
    for slot, event in (
        ("0715", "schedule.overrun"),
        ("0730", "schedule.overrun"),
        ("0715", "schedule.missed"),
        ("0730", "rotation.started"),
        ("0745", "schedule.overrun"),
        ("0745", "daemon.started"),
        ("0800", "rotation.started"),
    ):
        one.take(at(slot, event))
    assert one.findings == []
