"""The text of a first configuration: short enough to be read, and right as it stands.

Two policies: `nightly` needs three places, `weekly` one. A server gets both only where that leaves a place
free for the next snapshot, so that nothing has to go before it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from rotator import naming
from rotator.legacy import Habit, habits
from rotator.models import Id, Kind, Policy, Server, Snapshot

CAP = 5
"""Places of a server, as the provider documents it."""

NIGHTLY, WEEKLY = 3, 1
"""What the two policies keep, and so the places that they need."""

EXAMPLE = 12345
"""The id of the provider's own example: nobody's."""

_PLAIN = re.compile("[A-Za-z][A-Za-z0-9_-]*")
_WORDS = {"null", "true", "false"}  # what YAML 1.2 takes for something else


@dataclass(frozen=True, slots=True)
class Found:
    """A server of the account. `foreign`: places that neither policy can ever free."""

    id: Id
    name: str | None
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the API and the token were found, as far as the file has to say so; None: it need not."""

    base_url: str | None = None
    token_from: str | None = None


def foreign(snapshots: Sequence[Snapshot]) -> int:
    """How many of a server's snapshots the starter's policies would not take for their own."""
    return sum(_kind(s) is not Kind.MANAGED for s in snapshots)


def older(snapshots: Sequence[Snapshot]) -> tuple[Habit, ...]:
    """What an older script seems to have left, among all of the account."""
    script = {s.name for s in snapshots if _kind(s) is Kind.FOREIGN}
    script -= {name for name in script if name.startswith(naming.RESERVED_PREFIX)}
    names = [s.name for s in snapshots]
    return habits((n for n in names if n in script), (n for n in names if n not in script))


def _kind(snapshot: Snapshot) -> Kind:
    return naming.kind(_HERE, snapshot.name, snapshot.created_at)


def _policy(name: str) -> Policy:
    return Policy(name, ("0 3 * * *",), ZoneInfo("UTC"), timedelta(0))


_HERE = Server(0, (_policy("nightly"), _policy("weekly")))


def text(origin: Origin, servers: Sequence[Found], left: Sequence[Habit] = ()) -> str:
    """The whole file. `left` is what an older script left; without servers it has one to be replaced."""
    here = list(_head(origin)) + list(_policies(left)) + list(_servers(servers))
    return "\n".join(here) + "\n"


def _head(origin: Origin) -> Iterator[str]:
    yield "# yaml-language-server: $schema=rotator.schema.json"
    yield "#"
    yield "# The configuration of rotator."
    yield "# After each change:                rotator check --online"
    yield "# All keys with their defaults:     rotator schema --markdown"
    yield "# To have an editor explain them:   rotator schema > rotator.schema.json   (once, here)"
    yield ""
    yield "api:"
    if origin.base_url is not None:
        yield f"  base_url: {_value(origin.base_url)}   # from VPS_API_URL, which goes before this line"
    if origin.token_from is None:
        yield "  # A file that holds the token and nothing else, chmod 600. A relative path starts here."
        yield "  token_file: token"
    else:
        yield f"  # The token comes from {origin.token_from}. To have it in a file, name it here:"
        yield "  # token_file: token"
    yield "  rate_limit: 5           # requests a second, at most"


def _policies(left: Sequence[Habit]) -> Iterator[str]:
    yield ""
    yield "policies:"
    yield "  nightly:                # the name; snapshots are called nightly-20270314T030000Z"
    yield '    schedule: "0 3 * * *" # minute hour day-of-month month weekday, as cron has them; or @daily'
    yield "    timezone: UTC         # such as Europe/Berlin: the hour above is that of the clock there"
    yield f"    keep: {{last: {NIGHTLY}}}       # the newest three; also hourly, daily, weekly, monthly, …"
    for habit in left:
        shown = ", ".join(habit.names[:2]) + (", …" if len(habit.names) > 2 else "")
        yield f"    # {shown} look like an older script's. To hand them to this policy,"
        yield "    # which may then delete them:"
        yield f"    # {habit.adopt}"
    yield "  weekly:"
    yield '    schedule: "0 4 * * sun"'
    yield f"    keep: {{last: {WEEKLY}}}"


def _servers(servers: Sequence[Found]) -> Iterator[str]:
    yield ""
    yield f"# A server has {CAP} places for snapshots. What others made, by hand or by a program, is never"
    yield "# deleted and takes places; both policies together need 4 and want one more to create first."
    yield "servers:"
    if not servers:
        yield f"  - id: {EXAMPLE}             # an example: put the id of your own server here"
        yield "    name: web-server-01   # a label for logs, whatever you like"
        yield "    policies: [nightly, weekly]"
    for server in servers:
        yield from _server(server)


def _server(server: Found) -> Iterator[str]:
    free = CAP - server.foreign
    yield f"  - id: {_value(server.id)}"
    if server.name is not None and server.name.strip() and server.name.isprintable():
        yield f"    name: {_value(server.name)}"
    policies = "[nightly, weekly]" if free > NIGHTLY + WEEKLY else "[nightly]"
    yield f"    policies: {policies}{_remark(server.foreign, free)}"


def _remark(foreign: int, free: int) -> str:
    if not foreign:
        return ""
    taken = f"   # {foreign} of {CAP} places hold snapshots of others"
    if free < 2:
        return f"{taken}: no room to work in before some of them go"
    if free > NIGHTLY + WEEKLY:
        return taken
    short = "" if free >= NIGHTLY else f", and nightly keeps {free} at most"
    return f"{taken}, so not weekly too{short}"


def _value(value: Id) -> str:
    """As YAML takes it back unchanged: JSON is YAML."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
