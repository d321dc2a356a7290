"""Real children that ended: what nobody asks for is reaped, and nobody's exit status is taken away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rotator.reaper import Reaper


@contextmanager
def a_dead_child(code: int) -> Iterator[subprocess.Popen[bytes]]:
    """A child of this process that ended with that code, and that nobody has asked for yet."""
    child = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    yield child
    child.wait()


def is_there(child: subprocess.Popen[bytes]) -> bool:
    return Path(f"/proc/{child.pid}").exists()


def test_what_nobody_asked_for_is_reaped_at_the_second_look() -> None:
    reaper = Reaper(on_duty=True)
    with a_dead_child(0) as child:
        reaper.beat()
        assert is_there(child)
        reaper.beat()
        assert not is_there(child)


def test_whoever_started_a_child_gets_its_exit_status() -> None:
    reaper = Reaper(on_duty=True)
    with a_dead_child(3) as child:
        reaper.beat()
        assert child.wait() == 3
    reaper.beat()


def test_one_that_died_later_is_not_reaped_with_the_others() -> None:
    reaper = Reaper(on_duty=True)
    with a_dead_child(0) as first:
        reaper.beat()
        with a_dead_child(0) as second:
            reaper.beat()
            assert (is_there(first), is_there(second)) == (False, True)


def test_a_living_child_is_left_alone() -> None:
    reaper = Reaper(on_duty=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        reaper.beat()
        reaper.beat()
        child.communicate(b"\n")
    assert child.returncode == 0


def test_who_is_not_the_first_process_reaps_nothing() -> None:
    assert os.getpid() != 1
    reaper = Reaper()
    with a_dead_child(0) as child:
        reaper.beat()
        reaper.beat()
        assert is_there(child)
