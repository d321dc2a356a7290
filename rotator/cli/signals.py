"""SIGINT and SIGTERM end a command tidily: what runs is cancelled, and may close what it opened."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """A signal ended the command; `number` is the signal's.

    A command that changes something says here what that leaves behind: `hint` to people, `done`, what it had
    done by then, in its JSON document.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.hint = "interrupted"
        self.done: Mapping[str, object] = {}


def heed_as_first_process() -> None:
    """Let SIGTERM end a command that has not set itself up for it yet, as it ends any other process.

    The kernel drops a signal that process 1 of a container has no handler for: without this one, a stop that
    comes while the command starts would be lost, and the container killed at the end of its grace time.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run the work in a loop of its own. Raises Interrupted after a SIGINT or SIGTERM.

    A second SIGINT does not wait for anything to be closed.
    """
    return asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        loop.remove_signal_handler(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
