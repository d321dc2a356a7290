"""The user's hooks around one create, in their order.

Law 1: `before` runs outside every lock, and the turn after it decides anew, from a fresh list.
Law 2: once `before` was started, `created` follows that one turn, whatever came of it; no wait lies between.
Law 3: `after` comes last, if a create was begun. A wait that is taken up from an earlier life has no hooks.
Law 4: a `before` that fails ends the rotation; no other hook has a say in it.
Law 5: whoever has to leave kills `before`, and gives what is owed then LEAVE_SECONDS in all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from rotator import hooks, naming
from rotator.errors import HookFailed
from rotator.hooks import Ran
from rotator.models import Command, Hooks, Outcome, Pair
from rotator.office import Office
from rotator.plan import Plan, Step

log = structlog.stdlib.get_logger()

LEAVE_SECONDS = 9.0
"""From the call to leave until the last hook is killed: a second more than requests in flight get, and a
second less than the daemon has to be gone in."""

_NO_HOOKS = Hooks()


@dataclass(slots=True)
class Surround:
    """The hooks of one rotation. `leave_by` is the monotonic time at which none may run any more."""

    office: Office
    pair: Pair
    slot: datetime
    begun: bool = False
    inside: bool = False
    leave_by: float | None = None
    running: asyncio.Task[HookFailed | None] | None = None

    def comes_before(self, planned: Plan) -> bool:
        """Whether that plan is to wait for the hooks: it goes for a create, and none surround it yet."""
        creates = planned.outcome is Outcome.ROTATED and planned.step in {Step.CLEAR, Step.CREATE}
        return creates and not self.inside and self.pair.policy.hooks != _NO_HOOKS

    @asynccontextmanager
    async def create(self) -> AsyncIterator[None]:
        """`before`, then the block, then `created`. Raises HookFailed where `before` said no."""
        async with self.office.surrounded:
            self.begun = self.inside = True
            try:
                failure = await self._run("before", self.pair.policy.hooks.before)
                if failure is not None:
                    raise failure
                yield
            finally:
                self.inside = False
                await self._run("created", self.pair.policy.hooks.created)

    async def after(self, outcome: Outcome | None) -> None:
        """The last word; None for the outcome of a rotation that is left for the next start to take up."""
        if outcome is None:
            self.leave()
        if self.begun:
            await self._run("after", self.pair.policy.hooks.after, outcome)

    def leave(self) -> bool:
        """Come to an end within LEAVE_SECONDS. True: a hook runs that is to be waited for."""
        if self.leave_by is None:
            self.leave_by = self.office.clock.monotonic() + LEAVE_SECONDS
            self._hurry()
        return self.running is not None

    def _hurry(self) -> None:
        """See to it that what runs now is killed in time; a create will not follow `before` any more."""
        if self.running is None or self.leave_by is None:
            return
        left = self.leave_by - self.office.clock.monotonic() if not self.inside else 0.0
        asyncio.get_running_loop().call_later(max(0.0, left), self.running.cancel)

    async def _run(
        self, phase: str, commands: tuple[Command, ...], outcome: Outcome | None = None
    ) -> HookFailed | None:
        """Run one phase. A cancellation goes on when it has ended, and so does a call to leave."""
        if not commands:
            return None
        task = self.running = asyncio.create_task(self._one_by_one(phase, commands, outcome))
        self._hurry()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            self.leave()
            await asyncio.wait({task})
            raise
        finally:
            self.running = None
        if self.inside and self.leave_by is not None:
            raise asyncio.CancelledError
        return None if task.cancelled() else task.result()

    async def _one_by_one(
        self, phase: str, commands: tuple[Command, ...], outcome: Outcome | None
    ) -> HookFailed | None:
        """All of a phase; the first of `before` that fails ends it. The first failure, if any."""
        environ = hooks.environment(self.office.environ, self._facts(phase, outcome))
        first = None
        for command in commands:
            failure = await self._one(phase, command, environ)
            first = first or failure
            if failure is not None and phase == "before":
                break
        return first

    async def _one(self, phase: str, command: Command, environ: dict[str, str]) -> HookFailed | None:
        program = command.argv[0]
        try:
            ran = await hooks.run(command, environ, self.office.clock)
        except asyncio.CancelledError:
            log.error("hook.failed", phase=phase, command=program, detail="killed: rotator is leaving")
            raise
        except Exception as error:  # a defect of ours: no hook may stop a rotation
            log.exception("hook.failed", phase=phase, command=program, detail=f"unforeseen: {error!r}")
            return HookFailed(f"{phase}: {program}: unforeseen: {error!r}")
        facts = {"phase": phase, "command": program, "seconds": round(ran.seconds, 3), **_printed(ran)}
        if ran.fault is None:
            log.info("hook.finished", **facts)
            return None
        log.error("hook.failed", detail=ran.fault, **facts)
        said = f": {ran.output[-1]}" if ran.output else ""
        return HookFailed(f"{phase}: {program} {ran.fault}{said}")

    def _facts(self, phase: str, outcome: Outcome | None) -> dict[str, str]:
        """The contract's variables."""
        server, policy = self.pair.server, self.pair.policy
        return {
            "ROTATOR_SERVER_ID": str(self.office.inventory.id_of(server)),
            "ROTATOR_SERVER": server.label,
            "ROTATOR_POLICY": policy.name,
            "ROTATOR_SLOT": naming.slot_text(self.slot),
            "ROTATOR_SNAPSHOT": naming.snapshot_name(server, policy, self.slot),
            "ROTATOR_OUTCOME": outcome.value if outcome is not None else "",
            "ROTATOR_PHASE": phase,
        }


def _printed(ran: Ran) -> dict[str, object]:
    facts: dict[str, object] = {"output": list(ran.output)} if ran.output else {}
    return facts | ({"omitted": ran.omitted} if ran.omitted else {})
