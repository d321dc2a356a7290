"""The pictures of the README and of docs/monitoring.md: the page in Chromium, and commands in a terminal.

python -m bench.pictures [--to docs/images]
"""

from __future__ import annotations

import argparse
import itertools
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from bench.sandboxed import sandbox
from rotator.sandbox import TOKEN, Switches
from rotator.web.page import Ended
from tests.system.browsing import NARROW, Scheme, chromium, looking, page_of
from tests.web import knowing
from tests.web.knowing import Shelf

COLUMNS = 104
WIDE = (1280, 820)

INK, BACK = (226, 232, 240), (15, 23, 36)
RED, GREEN, YELLOW, BLUE = (249, 128, 128), (74, 222, 159), (251, 191, 36), (96, 165, 250)
COLOURS = [BACK, RED, GREEN, YELLOW, BLUE, (167, 139, 250), (45, 212, 191), INK]
THEME = TerminalTheme(BACK, INK, COLOURS, [(100, 116, 139), *COLOURS[1:]])

CONFIG = """\
api: {{base_url: {url}}}
policies:
  nightly: {{schedule: "0 3 * * *", keep: {{last: 3}}, wait: {{first: 1s, interval: 1s}}}}
  weekly: {{schedule: "0 4 * * sun", keep: {{last: 1}}}}
servers:
  - {{id: 1, name: web-server-01, policies: [nightly, weekly]}}
  - {{id: 2, name: web-server-02, policies: [nightly]}}
  - {{id: 3, name: db-server-01, policies: [nightly]}}
"""


def main() -> None:
    """Write all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=Path("docs/images"))
    to = parser.parse_args().to
    to.mkdir(parents=True, exist_ok=True)
    of_the_page(to / "page")
    of_commands(to)


@dataclass(frozen=True)
class State:
    """What the page shows, and what is done before it is photographed: an opened time line, another path."""

    shelf: Shelf
    opened: str = ""
    path: str = "/"


def states() -> dict[str, State]:
    """Every state of the page that people meet, by the name of its pictures."""
    asked = ("the API was not asked yet",)
    return {
        "trouble": State(Shelf(knowing.troubled(), list(ended())), opened="web-01"),
        "well": State(Shelf([knowing.well(name) for name in ("web-01", "web-02", "db-01", "mail-01")])),
        "outage": State(
            Shelf([knowing.outage(n) for n in ("web-01", "web-02")] + [knowing.stale("mail-01")])
        ),
        "stuck": State(Shelf([knowing.stuck("db-01"), knowing.making("web-02"), knowing.well("web-01")])),
        "waiting": State(Shelf([knowing.unseen(n) for n in ("web-01", "db-01")], lacking=asked)),
        "server": State(Shelf([knowing.well("web-01", id=12345)]), path="/servers/12345"),
    }


def of_the_page(to: Path) -> None:
    """Each state on a wide and on a narrow screen, light and dark."""
    sizes: dict[str, tuple[int, int]] = {"wide": WIDE, "narrow": NARROW}
    schemes: tuple[Scheme, ...] = ("light", "dark")
    to.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name, state in states().items():
            with page_of(state.shelf) as url:
                for (size, pixels), scheme in itertools.product(sizes.items(), schemes):
                    with looking(browser, url, state.path, size=pixels, scheme=scheme) as looked:
                        if state.path == "/":
                            looked.page.locator("#live.on").wait_for()
                        if state.opened:
                            looked.page.locator(".server", has_text=state.opened).locator("summary").click()
                            looked.page.locator("svg.drawing").wait_for()
                        looked.page.wait_for_timeout(2500)  # until what has just come is not highlighted
                        looked.page.screenshot(path=to / f"{name}-{scheme}-{size}.png", full_page=True)
    subprocess.run(["pngquant", "--force", "--ext", ".png", "160", *to.glob("*.png")], check=True)


def ended() -> Iterator[Ended]:
    """Some rotations of the last night."""
    lines = (
        ("web-02", "rotated", True, ("mode", "create_first"), ("deleted", "nightly-20270313T030000Z")),
        ("db-01", "failed", False, ("error", "snapshot_failed"), ("detail", "it ended as 'failed'")),
        ("web-01", "rotated", True, ("mode", "create_first"), ("deleted", "nightly-20270313T030000Z")),
    )
    for back, (name, outcome, ok, *more) in enumerate(lines):
        whose = (("server", name), ("policy", "nightly"), ("slot", "20270316T030000Z"))
        yield Ended(knowing.MORNING - timedelta(minutes=back), ok, (*whose, ("outcome", outcome), *more))


def of_commands(to: Path) -> None:
    """`status` and `simulate`, as a terminal shows them."""
    with sandbox(3, 3, Switches(create_time=1)) as url, tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config.yaml"
        config.write_text(CONFIG.format(url=url))
        in_a_terminal(config, ["run", "--once", "--policy", "nightly", "--server", "1", "--server", "2"])
        for name, *words in (("status", "status"), ("simulate", "simulate", "--days", "30", "--server", "1")):
            printed = in_a_terminal(config, words)
            console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
            console.print(Text.from_ansi(printed.rstrip()), soft_wrap=True)
            drawn = console.export_svg(title=f"rotator {' '.join(words)}", theme=THEME)
            (to / f"{name}.svg").write_text(without_fonts_from_elsewhere(drawn))


def in_a_terminal(config: Path, words: list[str]) -> str:
    """What a command prints on a terminal of COLUMNS."""
    ours, theirs = pty.openpty()
    environ = {
        **os.environ,
        "COLUMNS": str(COLUMNS),
        "LINES": "50",
        "TERM": "xterm-256color",
        "VPS_API_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "rotator", "--config", str(config), *words]
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.STDOUT, env=environ)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        printed = b"".join(read_all(terminal.fileno()))
    process.wait()
    return printed.decode().replace("\r\n", "\n")


def read_all(descriptor: int) -> Iterator[bytes]:
    """Until the other side is closed, which a terminal tells with an error."""
    try:
        while chunk := os.read(descriptor, 65536):
            yield chunk
    except OSError:
        return


def without_fonts_from_elsewhere(drawn: str) -> str:
    """A picture refers to nothing outside itself: any fixed font will do."""
    kept = re.sub(r"@font-face\s*\{.*?\}", "", drawn, flags=re.DOTALL)
    return kept.replace("Fira Code", "ui-monospace")


if __name__ == "__main__":
    main()
