"""`rotator sandbox`: the embedded VPS.org API as a process of its own, until it is interrupted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # heavy, like asyncio, and `rotator --help` imports this module
    from rotator.sandbox import Fault, Switches, World

LISTEN = "127.0.0.1:8765"

REMEMBERS = 10_000
"""How many requests, and how many changes, a sandbox remembers that may run for weeks: some 10 MB."""

Address = tuple[str, int]


class _Address(click.ParamType[Address]):
    """HOST:PORT, an IPv6 address in brackets."""

    name = "HOST:PORT"

    def convert(
        self, value: str | Address, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        if isinstance(value, tuple):
            return value
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port) > 65535:
            self.fail(f"{value!r} is not an address and a port such as {LISTEN}", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


class _Seconds(click.ParamType[float]):
    """A duration such as 20s or 3m."""

    name = "DURATION"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from rotator.config.units import duration  # noqa: PLC0415  # brings the whole configuration along

        try:
            return duration(value).total_seconds() if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


@click.command()
@click.option("--listen", type=_Address(), default=LISTEN, show_default=True, help="Port 0 takes a free one.")
@click.option(
    "--servers", type=click.IntRange(0, 100_000), default=3, show_default=True, help="How many there are."
)
@click.option(
    "--create-time",
    type=_Seconds(),
    default="20s",
    show_default=True,
    help="How long a snapshot is in progress; with the provider it is 3 to 10 minutes.",
)
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    help="Answer an open question in another way: cap=3, restore_time=20 (else 300). A wrong name lists all.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="JSON",
    help='Let something go wrong: \'{"method": "POST", "status": 502, "times": 2}\'.',
)
def sandbox(
    listen: Address, servers: int, create_time: float, switches: tuple[str, ...], faults: tuple[str, ...]
) -> None:
    """An embedded VPS.org API to try everything on.

    Nothing is kept when it ends. GET /sandbox/ shows what it holds; from this machine PUT /sandbox/switches/,
    POST and DELETE /sandbox/faults/ and POST /sandbox/snapshots/ change it while it runs.

    A planted snapshot, as of a policy that nobody ran for days: {"server_id": 12345, "name":
    "nightly-20270301T030000Z", "created_at": "2027-03-01T03:00:00Z"}, and "status" if it is not ready.

    A fault says whom it strikes: "method" and "path" (globs), "server_id"; how often: "skip" requests pass
    first, then "times" are struck (1; null: for ever); and how: "status" with "headers" and "body" instead of
    acting ("act": true: after acting), "drop": "before" or "after" acting cuts the connection, "delay" and
    "delay_after" in seconds, "garbage" or "truncated": true, and "fate": "fails" or "hangs" for a new
    snapshot.
    """
    import asyncio  # noqa: PLC0415  # see TYPE_CHECKING above

    from rotator.clock import SystemClock  # noqa: PLC0415  # likewise
    from rotator.sandbox import World, furnish  # noqa: PLC0415  # likewise

    world = World(SystemClock(), _switches(create_time, switches), remembers=REMEMBERS)
    world.faults.add(*(_fault(text) for text in faults))
    furnish(world, servers)
    try:
        asyncio.run(_serve(world, listen))
    except OSError as error:
        host, port = listen
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another with --listen"
        ) from None


def _switches(create_time: float, asked: tuple[str, ...]) -> Switches:
    from rotator.sandbox import Switches  # noqa: PLC0415  # see TYPE_CHECKING above
    from rotator.sandbox.asked import switched  # noqa: PLC0415  # likewise

    pairs = [text.partition("=") for text in asked]
    try:
        if not all(equals for _, equals, _ in pairs):
            raise ValueError("should be NAME=VALUE, such as cap=3")
        return switched(Switches(create_time=create_time), {name: value for name, _, value in pairs})
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--switch'") from None


def _fault(text: str) -> Fault:
    from rotator.sandbox.asked import fault_of  # noqa: PLC0415  # see TYPE_CHECKING above

    try:
        return fault_of(json.loads(text))
    except ValueError as error:
        raise click.BadParameter(f"{text}: {error}", param_hint="'--fault'") from None


async def _serve(world: World, listen: Address) -> None:
    import asyncio  # noqa: PLC0415  # see TYPE_CHECKING above
    import signal  # noqa: PLC0415  # likewise

    from rotator.sandbox import TOKEN, served  # noqa: PLC0415  # likewise

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with served(world, *listen) as base_url:
        click.echo(f"The sandbox answers at {base_url} to the token {TOKEN}")
        click.echo(f"with {len(world.servers())} servers. Ctrl-C ends it. To point rotator at it:\n")
        click.echo(f"export VPS_API_URL={base_url}")
        click.echo(f"export VPS_API_TOKEN={TOKEN}")
        await ended.wait()
