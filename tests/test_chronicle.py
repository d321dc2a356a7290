"""What a process remembers of its rotations."""

from __future__ import annotations

from datetime import timedelta

from rotator.chronicle import MOST, Chronicle
from rotator.models import Outcome, Pair, Problem
from rotator.report import Report
from tests.staging import SLOT, server

PAIR = Pair(server(), server().policies[0])
WELL = Report(PAIR, SLOT, Outcome.ROTATED)
ILL = Report(PAIR, SLOT, Outcome.FAILED, problem=Problem("unreachable", "no answer"))
HOUR = timedelta(hours=1)


def test_it_remembers_the_newest_rotations_and_no_more() -> None:
    chronicle = Chronicle(SLOT)
    for n in range(MOST + 5):
        chronicle.note(WELL, SLOT + n * HOUR)
    assert len(chronicle.recent) == MOST
    assert chronicle.recent[0][0] == SLOT + (MOST + 4) * HOUR


def test_a_pair_fails_since_its_first_failure_and_is_well_since_its_recovery() -> None:
    chronicle = Chronicle(SLOT)
    chronicle.note(ILL, SLOT + HOUR)
    chronicle.note(ILL, SLOT + 2 * HOUR)
    assert chronicle.failing == {PAIR.key: SLOT + HOUR}
    assert chronicle.well_since == SLOT
    chronicle.note(WELL, SLOT + 3 * HOUR)
    assert (chronicle.failing, chronicle.well_since) == ({}, SLOT + 3 * HOUR)
    chronicle.note(WELL, SLOT + 4 * HOUR)
    assert chronicle.well_since == SLOT + 3 * HOUR


def test_what_left_the_configuration_fails_no_more() -> None:
    chronicle = Chronicle(SLOT)
    chronicle.note(ILL, SLOT)
    chronicle.keep({})
    assert chronicle.failing == {}
