"""The adapter over a scripted network: what it sends, what it repeats, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from rotator.api import Patience, Urgency, counting, wire_id
from rotator.errors import (
    AnotherServer,
    AnswerLost,
    ApiError,
    BadAnswer,
    BadRequest,
    Forbidden,
    ListUnsure,
    NotFound,
    RateLimited,
    ServerFault,
    Unauthorized,
    Unreachable,
)
from rotator.models import Id, State
from rotator.settings import ApiSettings
from tests.stages import BASE, TOKEN, Log, Script, Token, listed, mocked, row
from tests.virtual import START, VirtualClock, run_virtual

CREATED = httpx.Response(201, json=row(802, status="in_progress", size_mb=None, message="Soon."))
BEGAN = httpx.Response(200, json={"status": "success", "server": {"status": "restoring"}})
GONE = httpx.Response(204)
BROKEN = httpx.Response(503, json={"detail": "Try later."})
REFUSED = httpx.Response(401, json={"detail": "Invalid token."})
HTML = httpx.Response(200, text="<html>We'll be right back</html>")
RESET = httpx.ReadError("reset")
DEAF = httpx.ConnectError("refused")


def slow_down(seconds: object) -> httpx.Response:
    return httpx.Response(429, headers={"Retry-After": str(seconds)}, json={"detail": "Throttled."})


def create(**more: Any) -> dict[str, Any]:
    return {"server_id": 12345, "name": "nightly-1", "description": "by a test", **more}


# --- what goes out --------------------------------------------------------------------------------


def test_the_calls_go_out_as_documented() -> None:
    async def main(clock: VirtualClock) -> list[httpx.Request]:
        account = httpx.Response(200, json={"account": {"email": "a@b.c"}})
        script = Script(clock, listed(), listed(), CREATED, BEGAN, GONE, account, listed())
        async with mocked(clock, script) as api:
            await api.list_snapshots()
            await api.list_snapshots(12345)
            await api.create_snapshot(**create())
            await api.restore_snapshot(801)
            await api.delete_snapshot(801)
            await api.account()
            await api.list_servers()
            assert api.requests == 7
        return script.requests

    requests = run_virtual(main)
    assert [f"{r.method} {r.url}".replace(BASE, "") for r in requests] == [
        "GET /snapshots/?page_size=100",
        "GET /snapshots/?server_id=12345&page_size=100",
        "POST /snapshots/",
        "POST /snapshots/801/restore/",
        "DELETE /snapshots/801/",
        "GET /account/me/",
        "GET /servers/?page_size=100",
    ]
    assert json.loads(requests[2].content) == create()
    assert [r.content for r in requests[3:]] == [b""] * 4
    assert {r.headers["Authorization"] for r in requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        (801, "801"),
        ("0b9ae", "0b9ae"),
        ("a/b", "a%2Fb"),
        ("a%2Fb?", "a%252Fb%3F"),
        ("../x", "..%2Fx"),
        ("ä", "%C3%A4"),
    ],
)
def test_an_id_is_one_segment_of_the_path_whatever_it_holds(id_: Id, path: str) -> None:
    async def main(clock: VirtualClock) -> bytes:
        script = Script(clock, GONE)
        async with mocked(clock, script) as api:
            assert await api.delete_snapshot(id_) is True
        return script.requests[0].url.raw_path

    assert run_virtual(main).decode() == f"/api/v1/snapshots/{path}/"


@pytest.mark.parametrize("id_", ["", ".", ".."])
def test_an_id_that_leads_elsewhere_is_never_sent(id_: str) -> None:
    async def main(clock: VirtualClock) -> int:
        async with mocked(clock, Script(clock, GONE)) as api:
            with pytest.raises(BadRequest, match="is not an id"):
                await api.delete_snapshot(id_)
            with pytest.raises(BadRequest, match="is not an id"):
                await api.restore_snapshot(id_)
            return api.requests

    assert run_virtual(main) == 0


@pytest.mark.parametrize("id_", [12345, "12345", "0b9ae"])
def test_a_server_id_is_sent_as_it_was_given(id_: Id) -> None:
    async def main(clock: VirtualClock) -> object:
        script = Script(clock, httpx.Response(201, json=row(802, id_)))
        async with mocked(clock, script) as api:
            await api.create_snapshot(id_, "a", "")
        return json.loads(script.requests[0].content)["server_id"]

    sent = run_virtual(main)
    assert (sent, type(sent)) == (id_, type(id_))


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("123", 123),
        ("0", 0),
        ("014", "014"),
        ("-1", "-1"),
        ("1e3", "1e3"),
        ("٣", "٣"),
        ("", ""),
        (7, 7),
        ("1" * 19, "1" * 19),
        ("12\n", "12\n"),
    ],
)
def test_plain_digits_go_out_as_an_integer(written: Id, sent: Id) -> None:
    assert (wire_id(written), type(wire_id(written))) == (sent, type(sent))


# --- what is repeated -----------------------------------------------------------------------------

PASSING = {"reset": RESET, "deaf": DEAF, "server_fault": BROKEN, "rate_limited": slow_down(2), "html": HTML}


@pytest.mark.parametrize("failure", list(PASSING.values()), ids=list(PASSING))
def test_a_list_is_repeated_after_every_passing_failure(failure: httpx.Response | Exception) -> None:
    async def main(clock: VirtualClock) -> Log:
        log = Log()
        script = Script(clock, failure, failure, listed(row()))
        async with mocked(clock, script, log=log) as api:
            listing = await api.list_snapshots()
        assert len(listing.snapshots) == 1
        assert listing.failing == script.times[-1] == listing.began
        return log

    assert run_virtual(main).names.count("api.retry") == 2


@pytest.mark.parametrize("failure", [RESET, DEAF, BROKEN, slow_down(2)], ids=["reset", "deaf", "503", "429"])
def test_a_delete_is_repeated_and_then_there_may_be_nothing_left(failure: httpx.Response | Exception) -> None:
    async def main(clock: VirtualClock) -> bool:
        async with mocked(clock, Script(clock, failure, httpx.Response(404))) as api:
            return await api.delete_snapshot(801)

    assert run_virtual(main) is False


@pytest.mark.parametrize(
    "failure", [DEAF, httpx.ConnectTimeout(""), slow_down(2)], ids=["deaf", "slow", "429"]
)
def test_a_create_is_repeated_where_it_surely_did_nothing(failure: httpx.Response | Exception) -> None:
    async def main(clock: VirtualClock) -> list[str]:
        script = Script(clock, failure, CREATED)
        async with mocked(clock, script) as api:
            made = await api.create_snapshot(**create())
        assert (made.id, made.state) == (802, State.IN_PROGRESS)
        return script.sent

    assert run_virtual(main) == ["POST /api/v1/snapshots/"] * 2


LOST = {
    "reset": (RESET, Unreachable),
    "timeout": (httpx.ReadTimeout(""), Unreachable),
    "half_written": (httpx.WriteError(""), Unreachable),
    "500": (httpx.Response(500), ServerFault),
    "503": (BROKEN, ServerFault),
    "redirect": (httpx.Response(301, headers={"Location": "https://other.test/"}), BadAnswer),
    "html": (HTML, BadAnswer),
    "no_row": (httpx.Response(201, json=[]), BadAnswer),
    "broken_row": (httpx.Response(201, json=row(802, created_at=None)), BadAnswer),
    "no_id": (httpx.Response(201, json=row(802) | {"id": None}), BadAnswer),
}


@pytest.mark.parametrize(("failure", "cause"), list(LOST.values()), ids=list(LOST))
def test_any_other_answer_to_a_create_is_lost_and_it_is_not_repeated(
    failure: httpx.Response | Exception, cause: type[ApiError]
) -> None:
    async def main(clock: VirtualClock) -> AnswerLost:
        script = Script(clock, failure)
        async with mocked(clock, script) as api:
            with pytest.raises(AnswerLost) as caught:
                await api.create_snapshot(**create())
        assert len(script.sent) == 1
        return caught.value

    lost = run_virtual(main)
    assert isinstance(lost.cause, cause)
    assert lost.code == cause.code
    assert lost.message.startswith("the answer was lost: POST /snapshots/: ")


def test_a_create_that_is_answered_for_another_server_is_no_lost_one() -> None:
    async def main(clock: VirtualClock) -> AnotherServer:
        script = Script(clock, httpx.Response(201, json=row(802, 67890)))
        async with mocked(clock, script) as api:
            with pytest.raises(AnotherServer) as caught:
                await api.create_snapshot(**create())
        assert len(script.sent) == 1
        return caught.value

    error = run_virtual(main)
    assert (error.code, error.passing) == ("bad_answer", False)
    assert "asked for server 12345, answered for 67890" in error.message


def test_the_answer_to_a_create_may_lack_the_server() -> None:
    async def main(clock: VirtualClock) -> Id:
        bare = row(802) | {"server": None}
        async with mocked(clock, Script(clock, httpx.Response(201, json=bare))) as api:
            return (await api.create_snapshot(**create())).server_id

    assert run_virtual(main) == 12345


ONCE = {
    "deaf": (DEAF, Unreachable),
    "429": (slow_down(1), RateLimited),
    "401": (REFUSED, Unauthorized),
    "400": (httpx.Response(400), BadRequest),
    "404": (httpx.Response(404), NotFound),
    "reset": (RESET, AnswerLost),
    "503": (BROKEN, AnswerLost),
    "html": (HTML, AnswerLost),
    "not_success": (httpx.Response(200, json={"status": "error"}), AnswerLost),
}


@pytest.mark.parametrize(("failure", "kind"), list(ONCE.values()), ids=list(ONCE))
def test_a_restore_is_asked_for_once_whatever_happens(
    failure: httpx.Response | Exception, kind: type[ApiError]
) -> None:
    async def main(clock: VirtualClock) -> ApiError:
        script, token = Script(clock, failure), Token(upcoming="vps_new")
        async with mocked(clock, script, token=token) as api:
            with pytest.raises(ApiError) as caught:
                await api.restore_snapshot(801)
        assert script.sent == ["POST /api/v1/snapshots/801/restore/"]
        return caught.value

    assert isinstance(run_virtual(main), kind)


REFUSALS = {"400": BadRequest, "403": Forbidden, "404": NotFound, "409": BadRequest}


@pytest.mark.parametrize(("status", "kind"), list(REFUSALS.items()), ids=list(REFUSALS))
def test_a_refusal_is_an_answer_and_not_repeated(status: str, kind: type[ApiError]) -> None:
    async def main(clock: VirtualClock) -> ApiError:
        script = Script(clock, httpx.Response(int(status), json={"name": ["Not a name."]}))
        async with mocked(clock, script) as api:
            for call in (api.create_snapshot(**create()), api.list_snapshots(), api.account()):
                with pytest.raises(kind) as caught:
                    await call
        assert len(script.sent) == 3
        return caught.value

    error = run_virtual(main)
    assert error.fields == {"name": "Not a name."}
    assert error.message.startswith(f"GET /account/me/: {status}")


# --- for how long ---------------------------------------------------------------------------------


def test_a_request_is_given_up_45_seconds_after_its_first_failure() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        script = Script(clock, HTML)
        async with mocked(clock, script) as api:
            with pytest.raises(BadAnswer):
                await api.account()
        assert clock.monotonic() <= 45
        return script.times

    times = run_virtual(main)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 8 <= len(times) <= 12
    assert all(0.25 <= wait <= 7.5 for wait in waits)
    assert waits[0] < 1


def test_a_host_that_never_answers_is_given_up_45_seconds_after_the_first_timeout() -> None:
    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits that long")

    async def main(clock: VirtualClock) -> float:
        async with mocked(clock, httpx.MockTransport(hang)) as api:
            with pytest.raises(Unreachable, match="no whole answer within"):
                await api.list_snapshots()
        return clock.monotonic()

    assert 70 <= run_virtual(main) <= 30 + 45 + 1


def test_a_rotation_that_wrote_nothing_shares_its_patience_between_its_requests() -> None:
    async def main(clock: VirtualClock) -> tuple[float, float]:
        patience = Patience()
        script = Script(clock, slow_down(30), CREATED, slow_down(20))
        async with mocked(clock, script) as api:
            await api.create_snapshot(**create(), patience=patience)
            spent = patience.spent
            with pytest.raises(RateLimited):
                await api.create_snapshot(**create(), patience=patience)
        assert len(script.sent) == 3
        return spent, patience.left

    spent, left = run_virtual(main)
    assert 30 <= spent <= 31
    assert left == pytest.approx(45 - spent)


def test_after_a_write_every_request_has_its_own_patience() -> None:
    async def main(clock: VirtualClock) -> float:
        script = Script(clock, slow_down(30), GONE, slow_down(30), GONE)
        async with mocked(clock, script) as api:
            assert await api.delete_snapshot(801)
            assert await api.delete_snapshot(802)
        return clock.monotonic()

    assert run_virtual(main) >= 60


def test_what_fails_now_and_then_is_repeated_only_within_the_accounts_budget() -> None:
    async def main(clock: VirtualClock) -> int:
        script = Script(clock, HTML)
        async with mocked(clock, script) as api:
            for _ in range(20):
                with pytest.raises(BadAnswer):
                    await api.account()
        return len(script.sent)

    # 20 first tries and 10 repetitions; without a budget there would be some 200 requests.
    assert run_virtual(main) == 30


def test_successes_earn_repetitions_again() -> None:
    async def main(clock: VirtualClock) -> int:
        script = Script(clock, *[HTML] * 12, *[GONE] * 5, HTML, listed())
        async with mocked(clock, script) as api:
            for _ in range(2):
                with pytest.raises(BadAnswer):
                    await api.account()
            for _ in range(5):
                await api.delete_snapshot(1)
            await api.list_snapshots()
        return len(script.sent)

    assert run_virtual(main) == 19


# --- 429 ------------------------------------------------------------------------------------------


def test_a_429_keeps_every_request_of_the_account_waiting() -> None:
    async def main(clock: VirtualClock) -> tuple[list[float], Log]:
        log = Log()
        script = Script(clock, slow_down(10), GONE)
        async with mocked(clock, script, log=log) as api, asyncio.TaskGroup() as group:
            group.create_task(api.delete_snapshot(1))
            await clock.sleep(1)
            for id_ in (2, 3):
                group.create_task(api.delete_snapshot(id_))
        return script.times, log

    times, log = run_virtual(main)
    assert times[0] == 0
    assert times[1:3] == [10, 10]
    assert 10 <= times[3] <= 11
    assert (
        "api.rate_limited",
        {"detail": "DELETE /snapshots/1/: 429 Too Many Requests: Throttled.", "seconds": 10.0},
    ) in log.events


def test_a_429_by_date_is_waited_for() -> None:
    async def main(clock: VirtualClock) -> float:
        date = {"Date": format_datetime(START, usegmt=True)}
        until = format_datetime(START + timedelta(seconds=20), usegmt=True)
        script = Script(clock, httpx.Response(429, headers={**date, "Retry-After": until}), GONE)
        async with mocked(clock, script) as api:
            await api.delete_snapshot(1)
        return script.times[1]

    assert 20 <= run_virtual(main) <= 21


def test_a_429_for_longer_than_the_patience_ends_it_at_once_and_everybody_elses() -> None:
    async def main(clock: VirtualClock) -> list[float | None]:
        script = Script(clock, slow_down(120), GONE)
        waits = []
        async with mocked(clock, script) as api:
            for call in (api.create_snapshot(**create()), api.list_snapshots(), api.delete_snapshot(1)):
                with pytest.raises(RateLimited) as caught:
                    await call
                waits.append(caught.value.retry_after)
                await clock.sleep(10)
            assert len(script.sent) == 1
            await clock.sleep(90)
            assert await api.delete_snapshot(1)
        return waits

    assert run_virtual(main) == [120, 110, 100]


def test_a_429_for_ever_silences_the_account_for_half_an_hour_at_most() -> None:
    async def main(clock: VirtualClock) -> bool:
        async with mocked(clock, Script(clock, slow_down(999_999_999), GONE)) as api:
            with pytest.raises(RateLimited):
                await api.delete_snapshot(1)
            await clock.sleep(1800)
            return await api.delete_snapshot(1)

    assert run_virtual(main) is True


# --- down, refused --------------------------------------------------------------------------------


def test_a_hundred_requests_meet_a_dead_api_as_one_client() -> None:
    async def main(clock: VirtualClock) -> tuple[int, Log, float]:
        log = Log()
        script = Script(clock, DEAF)
        async with mocked(clock, script, log=log) as api:
            results = await asyncio.gather(
                *(api.list_snapshots(id_) for id_ in range(100)), return_exceptions=True
            )
        assert {type(result).__mro__[1] for result in results} == {Unreachable}
        return len(script.sent), log, clock.monotonic()

    sent, log, seconds = run_virtual(main)
    assert sent <= 8 + 8
    assert log.names.count("api.failed") == 1
    assert seconds <= 46


def test_a_short_outage_is_sat_out_by_all() -> None:
    async def main(clock: VirtualClock) -> Log:
        log = Log()

        def until_noon(request: httpx.Request) -> httpx.Response:
            return BROKEN if clock.monotonic() < 12 else listed()

        async with mocked(clock, Script(clock, until_noon), log=log) as api:
            listings = await asyncio.gather(*(api.list_snapshots(id_) for id_ in range(50)))
        assert all(12 <= listing.began < 20 for listing in listings)
        assert all(12 <= listing.failing < 20 for listing in listings)
        return log

    names = run_virtual(main).names
    assert [names.count(name) for name in ("api.failed", "api.recovered")] == [1, 1]


def test_a_create_that_never_left_because_the_api_was_down_is_not_lost() -> None:
    async def main(clock: VirtualClock) -> tuple[ApiError, float]:
        methods: list[str] = []

        async def dying(request: httpx.Request) -> httpx.Response:
            methods.append(request.method)
            await clock.sleep(0 if len(methods) <= 3 else 60)
            return BROKEN

        async with mocked(clock, httpx.MockTransport(dying)) as api:
            probing = asyncio.create_task(api.list_snapshots())
            await clock.sleep(10)
            with pytest.raises(ServerFault) as caught:
                await api.create_snapshot(**create(), patience=Patience(10))
            gave_up = clock.monotonic()
            await asyncio.gather(probing, return_exceptions=True)
        assert "POST" not in methods
        return caught.value, gave_up

    error, gave_up = run_virtual(main)
    assert error.message.startswith(
        "not sent, the API is down: GET /snapshots/: 503 Service Unavailable: Try"
    )
    assert gave_up == 20


def test_a_401_with_a_new_token_at_hand_is_tried_once_more() -> None:
    async def main(clock: VirtualClock) -> list[str]:
        script, log = Script(clock, REFUSED, CREATED), Log()
        async with mocked(clock, script, token=Token(upcoming="vps_new"), log=log) as api:
            await api.create_snapshot(**create())
        assert log.events == []
        return [request.headers["Authorization"] for request in script.requests]

    assert run_virtual(main) == [f"Bearer {TOKEN}", "Bearer vps_new"]


def test_a_refused_token_is_not_shown_again_for_a_minute() -> None:
    async def main(clock: VirtualClock) -> tuple[list[float], Log, str]:
        script, log = Script(clock, REFUSED), Log()
        async with mocked(clock, script, log=log) as api:
            for _ in range(4):
                with pytest.raises(Unauthorized) as caught:
                    await api.list_snapshots()
                await clock.sleep(25)
        return script.times, log, caught.value.message

    times, log, message = run_virtual(main)
    assert times == [0, 75]
    assert log.names == ["api.unauthorized"]
    assert TOKEN not in message


def test_requests_under_way_with_the_old_token_take_the_new_one_too() -> None:
    async def main(clock: VirtualClock) -> tuple[int, Log]:
        async def slow(request: httpx.Request) -> httpx.Response:
            await clock.sleep(1)
            return listed() if request.headers["Authorization"] == "Bearer vps_new" else REFUSED

        token, log = Token(upcoming="vps_new"), Log()
        async with mocked(clock, httpx.MockTransport(slow), token=token, log=log) as api:
            await asyncio.gather(*(api.list_snapshots() for _ in range(5)))
        return token.refreshes, log

    refreshes, log = run_virtual(main)
    assert refreshes == 1
    assert log.events == []


def test_a_token_that_no_header_can_carry_counts_as_refused() -> None:
    async def main(clock: VirtualClock) -> Log:
        log = Log()
        async with mocked(clock, Script(clock, listed()), token=Token("vps a", "vps a"), log=log) as api:
            for _ in range(2):
                with pytest.raises(Unauthorized):
                    await api.list_snapshots()
        return log

    assert run_virtual(main).names == ["api.unauthorized"]


# --- lists ----------------------------------------------------------------------------------------


def page(*rows: object, count: int, following: str | None = None) -> httpx.Response:
    return listed(*rows, count=count, next=following)


def test_pages_are_followed_to_the_end() -> None:
    async def main(clock: VirtualClock) -> list[str]:
        script = Script(
            clock,
            page(row(1), count=3, following=f"{BASE}/snapshots/?page=2&page_size=100"),
            page(row(2), count=3, following="?page=3"),
            page(row(3), count=3),
        )
        async with mocked(clock, script) as api:
            listing = await api.list_snapshots()
        assert [s.id for s in listing.snapshots] == [1, 2, 3]
        assert listing.pages == 3
        return [request.url.query.decode() for request in script.requests]

    assert run_virtual(main) == ["page_size=100", "page=2&page_size=100", "page=3"]


UNSURE = {
    "short": ([page(row(1), count=2)], "count is 2, but 1 rows came"),
    "long": ([page(row(1), row(2), count=1)], "count is 1, but 2 rows came"),
    "twice": ([page(row(1), row(1), count=2)], "the id 1 is listed twice"),
    "changing": (
        [page(row(1), count=2, following="?page=2"), page(row(2), count=3)],
        "count changed from 2 to 3 between pages",
    ),
    "mixed": (
        [page(row(1), count=2, following="?page=2"), httpx.Response(200, json=[row(2)])],
        "count changed from 2 to None between pages",
    ),
    "shape": ([httpx.Response(200, json={"snapshots": []})], "results is not a list"),
    "circle": ([page(row(1), count=9, following="?page=2")], "its pages never end"),
    "elsewhere": (
        [page(row(1), count=2, following="https://evil.test/?page=2")],
        "next leads to another host",
    ),
    "downgraded": (
        [page(row(1), count=2, following="http://api.test/?page=2")],
        "next leads to another host",
    ),
    "no_url": ([page(row(1), count=2, following="https://api.test:nope/")], "next is not a URL"),
}


@pytest.mark.parametrize(("pages", "why"), list(UNSURE.values()), ids=list(UNSURE))
def test_an_unsure_list_is_asked_for_twice_more_and_then_raised(
    pages: list[httpx.Response], why: str
) -> None:
    async def main(clock: VirtualClock) -> Script:
        log = Log()
        script = Script(clock, *pages * 3)
        async with mocked(clock, script, log=log) as api:
            with pytest.raises(ListUnsure, match="GET /snapshots/") as caught:
                await api.list_snapshots()
        assert why in caught.value.message
        assert log.names == ["api.list_unsure"] * 3
        return script

    script = run_virtual(main)
    assert {request.url.host for request in script.requests} == {"api.test"}
    assert script.times[-1] == 3


def test_a_list_that_settles_is_believed_and_began_when_its_last_try_did() -> None:
    async def main(clock: VirtualClock) -> None:
        script = Script(clock, page(row(1), count=2), page(row(1), row(2), count=2))
        async with mocked(clock, script) as api:
            listing = await api.list_snapshots()
        assert len(listing.snapshots) == 2
        assert listing.began == listing.failing == 1

    run_virtual(main)


def test_a_page_that_fails_once_is_asked_for_again_alone() -> None:
    async def main(clock: VirtualClock) -> int:
        script = Script(
            clock, page(row(1), count=2, following="?page=2"), BROKEN, page(row(2), count=2), listed()
        )
        async with mocked(clock, script) as api:
            listing = await api.list_snapshots()
        assert listing.began == 0
        assert 0 < listing.failing < 1
        return len(script.sent)

    assert run_virtual(main) == 3


def test_a_broken_row_and_a_stray_spoil_nobody_else() -> None:
    async def main(clock: VirtualClock) -> None:
        rows = [row(1), row(2, 67890, name=None), row(3) | {"server": None}]
        async with mocked(clock, Script(clock, listed(*rows))) as api:
            listing = await api.list_snapshots(12345)
        assert [s.id for s in listing.snapshots] == [1]
        assert listing.unsure == {"67890": "snapshot 2: name is not a text"}
        assert listing.strays == ("nightly-3",)

    run_virtual(main)


@pytest.mark.parametrize("ahead", [-3600, 0, 3600])
def test_a_list_tells_how_far_the_providers_clock_is_ahead(ahead: int) -> None:
    async def main(clock: VirtualClock) -> float:
        date = format_datetime(START + timedelta(seconds=ahead), usegmt=True)
        script = Script(clock, httpx.Response(200, headers={"Date": date}, json=[]))
        async with mocked(clock, script) as api:
            return (await api.list_snapshots()).skew.total_seconds()

    assert run_virtual(main) == pytest.approx(ahead, abs=1)


def test_the_words_for_a_failure_can_be_added_to() -> None:
    async def main(clock: VirtualClock) -> State:
        settings = ApiSettings(base_url=BASE + "/", rate_limit=0, failed_states=frozenset({"melted"}))
        script = Script(clock, listed(row(status="melted")))
        async with mocked(clock, script, settings=settings) as api:
            (shown,) = (await api.list_snapshots()).snapshots
        assert script.sent == ["GET /api/v1/snapshots/"]
        return shown.state

    assert run_virtual(main) is State.FAILED


def test_the_body_of_a_server_is_never_quoted() -> None:
    async def main(clock: VirtualClock) -> str:
        log = Log()
        body = {"count": 1, "results": [{"name": "web", "password": "hunter2"}]}
        async with mocked(clock, Script(clock, httpx.Response(200, json=body)), log=log) as api:
            with pytest.raises(ListUnsure) as caught:
                await api.list_servers()
        return caught.value.message + repr(log.events)

    assert "hunter2" not in run_virtual(main)


# --- counting and pace ----------------------------------------------------------------------------


def test_a_task_counts_its_own_requests_repetitions_included() -> None:
    async def main(clock: VirtualClock) -> tuple[int, int, int]:
        async with mocked(clock, Script(clock, BROKEN, GONE)) as api:

            async def work(deletes: int) -> int:
                with counting() as counter:
                    for id_ in range(deletes):
                        await api.delete_snapshot(id_)
                return counter.calls

            with counting() as outer:
                first, second = await work(1), await work(3)
            await api.delete_snapshot(9)
            assert api.requests == 6
            return first, second, outer.calls

    assert run_virtual(main) == (2, 3, 5)


def test_the_rate_of_the_settings_is_kept_and_deletes_go_first() -> None:
    async def main(clock: VirtualClock) -> Script:
        script = Script(clock, lambda request: GONE if request.method == "DELETE" else listed())
        async with mocked(clock, script, settings=ApiSettings(base_url=BASE, rate_limit=1)) as api:
            await asyncio.gather(
                api.list_snapshots(),
                api.list_snapshots(urgency=Urgency.CREATE),
                api.list_snapshots(),
                api.delete_snapshot(1),
            )
        return script

    script = run_virtual(main)
    assert [request.method for request in script.requests] == ["GET", "DELETE", "GET", "GET"]
    assert script.times == pytest.approx([0, 1, 2, 3])
