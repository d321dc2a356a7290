"""What is worth a message."""

from __future__ import annotations

from rotator.alarm import Alarms
from rotator.models import Outcome, Pair, Problem
from rotator.report import Report
from tests.staging import SLOT, policy, server

WEB, DB = (Pair(each, each.policies[0]) for each in (server(policy(), id=1), server(policy(), id=2)))


def report(pair: Pair = WEB, code: str | None = None, outcome: Outcome | None = None) -> Report:
    problem = Problem(code, "it broke", passing=True) if code else None
    return Report(pair, SLOT, outcome or (Outcome.FAILED if code else Outcome.ROTATED), problem=problem)


def told(alarms: Alarms, *reports: Report) -> list[str]:
    return [message.kind for each in reports for message in alarms.ended(each)]


def test_a_pair_that_starts_to_fail_is_told_once_however_often_it_is_tried_again() -> None:
    assert told(Alarms(), *[report(code="snapshot_failed")] * 5) == ["failure"]


def test_a_pair_that_is_well_again_is_told_once() -> None:
    failing = report(code="snapshot_failed")
    assert told(Alarms(), failing, failing, report(), report(), failing) == ["failure", "recovery", "failure"]


def test_each_pair_is_told_for_itself() -> None:
    assert told(Alarms(), report(code="hook_failed"), report(DB, code="hook_failed"), report(DB)) == [
        "failure",
        "failure",
        "recovery",
    ]


def test_an_api_that_is_down_is_one_message_for_all_and_one_when_it_answers_again() -> None:
    down = [report(pair, code="unreachable") for pair in (WEB, DB, WEB, DB)]
    assert told(Alarms(), *down, report(), report(DB)) == ["failure", "recovery"]


def test_one_that_the_api_goes_on_failing_while_others_get_through_is_told_once_and_by_its_name() -> None:
    alarms = Alarms()
    slots = [report(code="server_error"), report(DB)] * 5
    messages = [message for each in slots for message in alarms.ended(each)]
    assert [message.kind for message in messages] == ["failure"]
    assert "nightly on web-1 fails" in messages[0].text
    assert [message.text for message in alarms.ended(report())] == ["nightly on web-1 is well again"]


def test_an_outage_is_told_though_the_api_has_long_failed_somebody() -> None:
    alarms = Alarms()
    assert told(alarms, report(code="server_error"), report(DB)) == ["failure"]
    (message,) = alarms.ended(report(DB, code="unreachable"))
    assert "nightly on web-2 fails" in message.text
    assert told(alarms, report(code="unreachable"), report(DB)) == ["recovery"]


def test_a_pair_that_failed_before_the_api_went_down_is_still_failing_after() -> None:
    alarms = Alarms()
    assert told(alarms, report(code="hook_failed"), report(code="unreachable")) == ["failure", "failure"]
    assert told(alarms, report(code="hook_failed")) == ["recovery"]
    assert told(alarms, report()) == ["recovery"]


def test_busy_is_no_news() -> None:
    assert told(Alarms(), report(code="lock_held", outcome=Outcome.BUSY)) == []


def test_a_pair_that_goes_stale_is_told_once_and_when_it_is_fresh_again() -> None:
    alarms = Alarms()
    seen = [(True, "a"), (True, "a"), (False, "b"), (False, "b")]
    kinds = [m.kind for stale, newest in seen for m in alarms.aged(WEB, stale=stale, newest=newest)]
    assert kinds == ["failure", "recovery"]


def test_what_left_the_configuration_is_forgotten() -> None:
    alarms = Alarms()
    told(alarms, report(code="hook_failed"))
    alarms.keep({DB.key})
    assert told(alarms, report()) == []
