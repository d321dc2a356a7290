"""Pictures: well-formed, escaped, self-contained, and told in words too."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from rotator import draw
from rotator.models import State
from rotator.simulate import Future, simulate
from tests.building import DAY, make_managed, make_pair, make_policy, make_server, make_snapshot

NOW = datetime(2027, 3, 14, 9, 30, tzinfo=UTC)
EVIL = """<script>alert("1")</script>&'\x00"""
SVG = "{http://www.w3.org/2000/svg}"


def now_and_soon(**changes: Any) -> Future:
    """Three nights, one failed snapshot and one by hand whose name wants to be markup, and the next week."""
    server = make_server(make_policy(), name="web & db <1>", **changes)
    pair = make_pair(server)
    nights = [make_managed(pair, NOW.replace(hour=7, minute=0) - days * DAY) for days in range(3)]
    failed = make_managed(pair, NOW - 9 * DAY, state=State.FAILED)
    return simulate(server, NOW, NOW + 7 * DAY, (*nights, failed, make_snapshot(7, EVIL)))


PICTURES: dict[str, Callable[..., str]] = {
    "simulation": lambda **options: draw.simulation([now_and_soon()], **options),
    "timeline": lambda **options: draw.timeline(now_and_soon(), **options),
}


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_an_image_with_a_title_and_a_description(make: Callable[..., str]) -> None:
    root = ElementTree.fromstring(make(ident="a b"))
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    labels = (root.get("aria-labelledby") or "").split()
    texts = [root.find(f"{SVG}*[@id='{label}']") for label in labels]
    assert labels == ["a-b-title", "a-b-desc"]
    assert all(text is not None and text.text for text in texts)


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_a_text_from_outside_stays_a_text(make: Callable[..., str]) -> None:
    picture = make()
    assert "<script" not in picture
    assert "web & db <1>" in "".join(ElementTree.fromstring(picture).itertext())


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_a_picture_names_no_other_host_and_has_no_inline_style(make: Callable[..., str]) -> None:
    picture = make(style=False)
    assert "<style" not in picture
    assert not re.search(r"\b(style|href|src|on\w+)=", picture)
    assert re.findall(r"\w+://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in draw.STYLE
    assert "@import" not in draw.STYLE


def test_every_class_of_a_picture_has_a_rule_in_the_stylesheet() -> None:
    used = {
        name
        for make in PICTURES.values()
        for found in re.findall('class="([^"]*)"', make())
        for name in found.split()
    }
    assert {name for name in used if f".{name}" not in draw.STYLE} == set()


def test_the_timeline_shows_what_goes_and_says_why() -> None:
    picture = draw.timeline(now_and_soon())
    titles = [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}title")]
    (going,) = [title for title in titles if title.startswith("nightly-20270312T070000Z")]
    assert going == (
        "nightly-20270312T070000Z (nightly), made Fri 12 Mar 07:00;"
        " deleted by nightly at Mon 15 Mar 07:00 (not_kept: no keep rule wants it)"
    )
    assert sum(title.startswith("nightly: slot of") for title in titles) == 7


def test_a_rotation_that_will_be_blocked_is_said_in_red_and_first() -> None:
    hands = tuple(make_snapshot(number, f"by-hand-{number}") for number in range(5))
    picture = draw.timeline(simulate(make_server(), NOW, NOW + 2 * DAY, hands))
    texts = [e for e in ElementTree.fromstring(picture).iter(f"{SVG}text") if "cap_reached" in (e.text or "")]
    assert [text.get("class") for text in texts] == ["bad small"] * 2


def test_more_snapshots_than_places_are_shown_all_the_same() -> None:
    hands = tuple(make_snapshot(number, f"by-hand-{number}") for number in range(6))
    assert "too many" in draw.timeline(simulate(make_server(), NOW, NOW + timedelta(days=1), hands))
