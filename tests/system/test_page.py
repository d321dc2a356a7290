"""The page for people in a real browser: what it shows as it happens, to whom, and what it does not do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator.clock import SystemClock
from rotator.naming import slot_text
from rotator.sandbox import Switches, World
from rotator.web.page import words
from tests.cli.conftest import Served as Sandboxes
from tests.cli.conftest import environment, sandboxes
from tests.system.browsing import CHROMIUM, NARROW, WIDE, Looked, Scheme, chromium, looking, page_of
from tests.system.needing import need
from tests.web.conftest import free_port
from tests.web.knowing import Shelf, blocked, failed, many, stale, troubled, well

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["sandboxes"]  # a fixture

pytestmark = pytest.mark.xdist_group("browser")

EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(programs=(CHROMIUM,), modules=("playwright", "axe_playwright_python"))
    with chromium() as one:
        yield one


def names(looked: Looked) -> list[str]:
    """The servers that can be seen, in their order."""
    return [name.strip() for name in looked.page.locator(".server:visible h3 a").all_text_contents()]


# --- what it shows ----------------------------------------------------------------------------------


def test_what_happens_on_the_sandbox_appears_on_the_page(
    browser: Browser, sandboxes: Sandboxes, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    clock, port = SystemClock(), free_port()
    world = World(clock, Switches(create_time=6))
    world.add_server(101, "web-01")
    earlier = clock.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    world.add_snapshot(101, f"often-{slot_text(earlier)}", created_at=earlier)
    world.add_snapshot(101, "by-hand", created_at=earlier)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"api: {{base_url: {sandboxes.serve(world)}, rate_limit: 0}}\n"
        f"http: {{listen: 127.0.0.1:{port}}}\n"
        'policies: {often: {schedule: "* * * * *", keep: {last: 3}, catch_up: 1h,'
        " wait: {first: 0.2s, interval: 0.2s, timeout: 1m}}}\n"
        "servers: [{id: 101, name: web-01, policies: [often]}]\n"
    )
    command = [sys.executable, "-m", "rotator", "--config", str(config), "run"]
    daemon = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    try:
        probe = [sys.executable, "-m", "rotator", "--config", str(config), "healthcheck"]
        while subprocess.run(probe, env=environment(tmp_path), capture_output=True, check=False).returncode:
            assert daemon.poll() is None
        with looking(browser, f"http://127.0.0.1:{port}") as looked:
            page = looked.page
            expect(page.locator(".place.foreign")).to_have_count(1)
            expect(page.locator(".place.in_progress time")).to_have_text(
                re.compile(r"^[1-9] s$"), timeout=70_000
            )
            expect(page.locator(".place.managed")).to_have_count(2, timeout=20_000)
            expect(page.locator(".outcome")).to_have_text("rotated")
            expect(page.locator("#recent li").first).to_contain_text("outcome=rotated")
            expect(page.locator("h1")).to_contain_text("All is well")
    finally:
        daemon.terminate()
        daemon.wait(20)


def test_a_change_moves_its_row_and_the_sentence_and_leaves_the_reader_where_he_is(browser: Browser) -> None:
    from playwright.sync_api import expect

    shelf = Shelf([well("alpha", id=1), well("beta", id=2), well("gamma", id=3)])
    with page_of(shelf) as url, looking(browser, url) as looked:
        page = looked.page
        expect(page.locator("#live")).to_have_text("live")
        page.locator("#s-3 h3 a").focus()
        shelf.servers[2] = replace(stale("gamma"), server=shelf.servers[2].server)
        expect(page.locator(".server").first.locator("h3 a")).to_have_text("gamma")
        expect(page.locator("h1")).to_contain_text("1 of 3 servers needs attention: gamma")
        assert page.evaluate("document.activeElement.textContent") == "gamma"
        del shelf.servers[0]
        expect(page.locator(".server")).to_have_count(2)


def test_times_pass_as_the_server_would_write_them(browser: Browser) -> None:
    seconds = [0, 59, 60, 119, 3600, 3661, 86399, 86400, 90061, 4_000_000, -5]
    with page_of(Shelf([well("a")])) as url, looking(browser, url) as looked:
        written = looked.page.evaluate("(all) => all.map(length)", seconds)
    assert written == [words.length(timedelta(seconds=each)) for each in seconds]


def test_a_time_line_is_there_once_it_is_opened_by_keyboard_alone(browser: Browser) -> None:
    from playwright.sync_api import expect

    with page_of(Shelf(troubled())) as url, looking(browser, url) as looked:
        page = looked.page
        page.locator("#s-12340 summary").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#s-12340 svg.drawing")).to_be_visible()
        expect(page.locator("svg.drawing")).to_have_count(1)


def test_the_filter_answers_while_one_types(browser: Browser) -> None:
    with page_of(Shelf(troubled())) as url, looking(browser, url) as looked:
        page = looked.page
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("web")
        found = names(looked)
        page.locator("#q").fill("nobody")
        assert page.locator("#none").is_visible()
        page.locator("#q").fill("problem")
        assert (found, names(looked)) == (["web-01", "web-02"], ["db-01", "files-01", "mail-01"])


# --- to whom ------------------------------------------------------------------------------------------


def test_it_is_whole_with_scripts_off(browser: Browser) -> None:
    with page_of(Shelf(troubled())) as url, looking(browser, url, scripts=False) as looked:
        page = looked.page
        assert names(looked)[:3] == ["db-01", "files-01", "mail-01"]
        assert "6 h 20 min ago" in page.locator(".server", has_text="web-01").inner_text()
        page.locator("#q").fill("db-02")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?q=db-02")
        assert names(looked) == ["db-02"]
        assert page.locator("svg.drawing").is_visible()
        page.get_by_role("link", name="db-02", exact=True).click()
        assert page.locator("svg.drawing").is_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, scheme: Scheme, size: tuple[int, int]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    shelf = Shelf(troubled())
    with page_of(shelf) as url, looking(browser, url, scheme=scheme, size=size) as looked:
        looked.page.locator("#s-12340 summary").click()
        looked.page.locator("#s-12340 svg.drawing").wait_for()
        found = Axe().run(looked.page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious] == []


@pytest.mark.parametrize("width", [320, 390, 768, 1100])
def test_no_screen_is_too_narrow_for_it(browser: Browser, width: int) -> None:
    long = replace(failed("db-01"), server=replace(failed("db-01").server, name="a-very-long-name" * 8))
    shelf = Shelf([well("web-01"), long, blocked("files-01")])
    with page_of(shelf) as url, looking(browser, url, size=(width, 800)) as looked:
        assert looked.page.evaluate("document.documentElement.scrollWidth") <= width


# --- what it does not do --------------------------------------------------------------------------------


def test_a_script_in_a_name_stays_text(browser: Browser) -> None:
    from playwright.sync_api import expect

    shelf = Shelf([well("web-01", id=1)])
    with page_of(shelf) as url, looking(browser, url) as looked:
        page = looked.page
        expect(page.locator("#live")).to_have_text("live")
        known = shelf.servers[0]
        assert known.sight is not None
        bad = tuple(replace(row, name=EVIL, status=EVIL) for row in known.sight.snapshots)
        shelf.servers[0] = replace(
            known, server=replace(known.server, name=EVIL), sight=replace(known.sight, snapshots=bad)
        )
        expect(page.locator("h3 a")).to_have_text(EVIL)
        page.reload()
        expect(page.locator("h3 a")).to_have_text(EVIL)
        assert page.locator("svg.drawing").is_visible()
        assert page.locator("img").count() == 0
        assert page.evaluate("document.title").startswith("rotator: ")


def test_a_thousand_servers_are_there_and_can_be_filtered(browser: Browser) -> None:
    with page_of(Shelf(many(1000))) as url, looking(browser, url) as looked:
        page = looked.page
        assert page.locator(".server").count() == 1000
        page.locator("#q").fill("app-0999")
        assert page.locator(".server:not([hidden]) h3 a").all_text_contents() == ["app-0999"]
