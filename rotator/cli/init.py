"""`rotator init`: a first configuration, with the account's servers if a token is there.

Law: a file that exists is never written to, and what is written passes `check`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click

from rotator.cli import exits, output, starter
from rotator.cli.complaints import Ended
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation, invocation, shared_options
from rotator.cli.signals import run_to_end
from rotator.cli.starter import Found, Origin
from rotator.cli.wiring import Account, looking
from rotator.config import TokenSource, init_path, parse
from rotator.errors import (
    ApiError,
    BadAnswer,
    BadRequest,
    Forbidden,
    ListUnsure,
    NotFound,
    ServerFault,
    Unreachable,
)
from rotator.legacy import Habit
from rotator.models import ServerInfo, Snapshot
from rotator.settings import Settings

TOKEN_FILE = "token"  # noqa: S105  # the name of a file
"""Where the starter looks for the token, beside the configuration."""

UNTOLD = (NotFound, Forbidden, BadRequest, BadAnswer, ListUnsure)
"""Answers of an account whose servers cannot be listed: those that have snapshots are found all the same."""


@click.command("init")
@click.option("--offline", is_flag=True, help="Ask nobody: write a template with an example server.")
@shared_options
def command(*, offline: bool) -> int:
    """Write a first configuration, with comments, to config.yaml or where --config says.

    The account's servers are in it if a token is there: in VPS_API_TOKEN, or in a file named `token` beside
    the configuration. Nothing in the account is changed. A file that exists is never overwritten.
    """
    asked = invocation()
    path = Path(init_path(asked.config, asked.environ))
    _refuse_existing(path)
    token_file = TOKEN_FILE if (path.parent / TOKEN_FILE).exists() else None
    settings = _parsed(asked, path, starter.text(Origin(), ()))
    source = TokenSource(str(path.parent / TOKEN_FILE) if token_file else None, asked.environ)
    asks = not offline and source.there
    servers, left = run_to_end(_ask(asked, settings)) if asks else ((), ())
    elsewhere = source.there and (token_file is None or bool(asked.environ.get("VPS_API_TOKEN")))
    text = starter.text(_origin(asked.environ, settings, elsewhere=elsewhere), servers, left)
    _parsed(asked, path, text)
    _write(path, text)
    if not asked.quiet:
        output.say(*_next(path, servers, asked=asks, told=source.there))
    return Exit.OK


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise click.ClickException(
            f"{path} is there already, and is never overwritten: `rotator check` looks at it; to begin anew,"
            " name another file with --config"
        )


def _parsed(asked: Invocation, path: Path, text: str) -> Settings:
    """The text as the configuration that it is. Raises ConfigError, above all for a wrong VPS_API_URL."""
    return parse(text, str(path), asked.environ, asked.clock.now())


def _origin(environ: Mapping[str, str], settings: Settings, *, elsewhere: bool) -> Origin:
    """`elsewhere`: the token comes from no file that the configuration has to name."""
    override = settings.api.base_url if settings.api.base_url_source == "VPS_API_URL" else None
    place = (
        "the environment variable VPS_API_TOKEN" if environ.get("VPS_API_TOKEN") else "systemd's credential"
    )
    return Origin(override, place if elsewhere else None)


async def _ask(asked: Invocation, settings: Settings) -> tuple[Sequence[Found], Sequence[Habit]]:
    """The account's servers, and what an older script left. Raises Ended where it cannot be asked."""
    asked.log_for(settings, level="warning")
    async with looking(asked, settings) as account:
        try:
            return await _found(account)
        except (Unreachable, ServerFault) as error:
            cause = type(error)(
                f"{error.message}; `rotator init --offline` asks nobody, and writes a template"
            )
            raise Ended(cause, exits.of_error(error, answered=account.answered)) from None
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None


async def _found(account: Account) -> tuple[Sequence[Found], Sequence[Habit]]:
    listing = await account.api.list_snapshots()
    listed: Sequence[ServerInfo] = ()
    with suppress(*UNTOLD):
        listed = await account.api.list_servers()
    by_server: dict[str, list[Snapshot]] = {}
    for snapshot in listing.snapshots:
        by_server.setdefault(str(snapshot.server_id), []).append(snapshot)
    servers = {str(info.id): Found(info.id, info.name) for info in listed}
    if not servers:
        servers = {key: Found(s[0].server_id, s[0].server_name) for key, s in by_server.items()}
    counted = (
        Found(found.id, found.name, starter.foreign(by_server.get(key, ()))) for key, found in servers.items()
    )
    return tuple(counted), starter.older(listing.snapshots)


def _write(path: Path, text: str) -> None:
    """A new file or none at all. Raises ClickException."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _refuse_existing(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from None


def _next(path: Path, servers: Sequence[Found], *, asked: bool, told: bool) -> list[str]:
    """What was done, and what the user does next."""
    token = path.parent / TOKEN_FILE
    option = "" if str(path) == "config.yaml" else f" --config {path}"
    steps = [
        ("rotator{0} check --online", "is the token good, what stands on the servers, what would block?"),
        ("rotator{0} plan", "what would a rotation do now? Changes nothing"),
        ("rotator{0} run --once", "rotate everything now"),
        ("rotator{0} run", "the daemon: on schedule, from now on"),
    ]
    table = output.columns([(step.format(option), why) for step, why in steps], indent="  ")
    if servers:
        found = output.counted(len(servers), "server")
        return [f"Wrote {path} with the {found} of the account. Read it, then:", "", *table]
    if asked:
        return [f"Wrote {path}. The account has no servers yet: put an id in, then:", "", *table]
    missing = (
        ["The servers were not asked for: put their ids in."]
        if told
        else [
            "There is no token yet, so it holds an example server. Make a token in the account's developer",
            f"settings and save it beside the file:  install -m 600 /dev/null {token} && cat > {token}",
            "(paste it, Enter, Ctrl-D). Then put the ids of your servers in, or remove the file and let",
            "`rotator init` find them.",
        ]
    )
    return [f"Wrote {path}, a template.", *missing, "Then:", "", *table]
