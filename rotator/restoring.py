"""Is a restore under way on this server? While one is, nothing is written to it.

Law 1: the server's state decides where the provider tells it. A restore was asked for on this host and the
       state shows nothing of it: it is over, once the provider has had a moment to begin.
Law 2: where it does not tell, the note beside the lock counts until it expires.
Law 3: one that is being prepared, its safety snapshot being made, keeps rotations away too: they could push
       out what is to be restored. It keeps nobody away who works by hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rotator.errors import ServerRestoring
from rotator.lock import Held
from rotator.models import RESTORING, Server
from rotator.restorenote import EXPIRES, RestoreNote
from rotator.serverstates import ServerStates

BEGINS_WITHIN = timedelta(seconds=60)
"""How long after it was asked for a restore may not show in the server's state yet."""


async def refuse_while_restoring(
    server: Server, states: ServerStates, held: Held, now: datetime, *, by_hand: bool = False
) -> None:
    """Raise ServerRestoring where a restore is under way; forget a note of one that is over."""
    note = held.restore_note()
    if note is not None and note.prepares is not None:
        if not by_hand and now - note.at < note.prepares:
            raise ServerRestoring(_being_prepared(server, note, note.at + note.prepares))
        if not by_hand:
            held.clear_restore()
        note = None
    if note is None:
        if await states.is_restoring(server):
            raise ServerRestoring(f"the server {server.label} is being restored")
        return
    state = await states.of(server)
    if state == RESTORING or now - note.at < (EXPIRES if state is None else BEGINS_WITHIN):
        raise ServerRestoring(_under_way(server, note, told=state is not None))
    held.clear_restore()


def _being_prepared(server: Server, note: RestoreNote, until: datetime) -> str:
    what = f"a restore of {note.name} on the server {server.label} is being prepared"
    return f"{what}, since {note.at:%Y-%m-%d %H:%M:%S} UTC and until {until:%H:%M} at most"


def _under_way(server: Server, note: RestoreNote, *, told: bool) -> str:
    what = f"a restore of {note.name}" if note.name else "a restore"
    text = f"{what} was begun on the server {server.label} at {note.at:%Y-%m-%d %H:%M:%S} UTC"
    if told:
        return text
    return f"{text}, and the API does not tell whether it is over: taken so from {note.at + EXPIRES:%H:%M} on"
