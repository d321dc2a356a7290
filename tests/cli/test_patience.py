"""What a process would wait for in earnest, in virtual time: 30 s for a lock, 45 s for a dead API."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from rotator.cli import check, exits, plan, rotate
from rotator.cli import list as listing
from rotator.cli.complaints import Ended
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation
from rotator.lock import ServerLock, lock_directory
from rotator.redact import Secrets
from rotator.sandbox import TOKEN
from rotator.settings import Settings
from tests.cli.conftest import POLICIES, SERVERS
from tests.virtual import VirtualClock, run_virtual

Ask = Callable[[Invocation, Settings], Awaitable[object]]


@pytest.fixture
def dead_url() -> Iterator[str]:
    """Where nobody answers: the port is bound, so that nobody else can take it, but nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/api/v1"


def invoked(directory: Path, url: str, clock: VirtualClock) -> Invocation:
    """A command line with no options, in a directory with a configuration."""
    path = directory / "config.yaml"
    path.write_text(POLICIES + SERVERS)
    environ = {"VPS_API_URL": url, "VPS_API_TOKEN": TOKEN, "RUNTIME_DIRECTORY": str(directory)}
    return Invocation(str(path), None, None, False, environ, Secrets(), clock)


@pytest.mark.parametrize("due", [False, True], ids=["now", "due"])
def test_a_run_that_nobody_answers_has_its_own_code(tmp_path: Path, dead_url: str, due: bool) -> None:
    async def main(clock: VirtualClock) -> Exit:
        asked = invoked(tmp_path, dead_url, clock)
        settings = asked.settings()
        reports, answered = await rotate.rotate(asked, settings, settings.pairs, due=due)
        assert [report.problem.code for report in reports if report.problem] == ["unreachable"] * 2
        return exits.of_reports(reports, answered=answered)

    assert run_virtual(main) == Exit.UNANSWERED


def test_a_plan_that_nobody_answers_has_its_own_code(tmp_path: Path, dead_url: str) -> None:
    async def main(clock: VirtualClock) -> Exit:
        asked = invoked(tmp_path, dead_url, clock)
        settings = asked.settings()
        reports, answered = await plan.ask(asked, settings, settings.pairs, clock.now(), plan.Request())
        return exits.of_reports(reports, answered=answered)

    assert run_virtual(main) == Exit.UNANSWERED


@pytest.mark.parametrize(
    "ask",
    [check.ask, lambda asked, settings: listing.look(asked, settings, settings.servers)],
    ids=["check", "list"],
)
def test_a_look_that_nobody_answers_has_its_own_code(tmp_path: Path, dead_url: str, ask: Ask) -> None:
    async def main(clock: VirtualClock) -> int:
        asked = invoked(tmp_path, dead_url, clock)
        with pytest.raises(Ended) as ended:
            await ask(asked, asked.settings())
        return ended.value.exit_code

    assert run_virtual(main) == Exit.UNANSWERED


def test_a_server_that_another_process_works_on_is_busy(tmp_path: Path, dead_url: str) -> None:
    async def main(clock: VirtualClock) -> Exit:
        asked = invoked(tmp_path, dead_url, clock)
        settings = asked.settings()
        pairs = [pair for pair in settings.pairs if pair.server.key == "101"]
        directory = lock_directory(asked.environ)
        async with ServerLock(directory, dead_url, "101", clock).hold():
            reports, answered = await rotate.rotate(asked, settings, pairs)
        assert [report.problem.code for report in reports if report.problem] == ["lock_held"]
        return exits.of_reports(reports, answered=answered)

    assert run_virtual(main) == Exit.BUSY
