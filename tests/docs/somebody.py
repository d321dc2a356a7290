"""Somebody at a terminal: `python -m tests.docs.somebody ANSWER... -- COMMAND...`.

Types an answer each time the command asks, which it does in a line that ends with a question mark or a colon.
"""

from __future__ import annotations

import os
import pty
import re
import sys

from tests.cli.terminals import CONTROL

ASKS = re.compile(r"[?:](?: \[[^\]]*\]:)? ?\Z")


def main(arguments: list[str]) -> int:
    """Run the command at a terminal of its own, show what it says, and end as it does."""
    at = arguments.index("--")
    answers, command = arguments[:at], arguments[at + 1 :]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    said = ""
    while chunk := _read(terminal):
        sys.stdout.write(chunk)
        said += chunk
        if answers and ASKS.search(CONTROL.sub("", said)):
            os.write(terminal, f"{answers.pop(0)}\n".encode())
            said = ""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _read(terminal: int) -> str:
    """What comes next; empty once the other side has closed, which Linux tells as EIO."""
    try:
        return os.read(terminal, 65536).decode()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
