"""The table of commands: where each lives, what it does, how it is used and how it can end.

Help reads from here alone, so that `rotator --help` imports no command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rotator.cli.exits import MEANING, Exit

_ASKING = (
    Exit.OK,
    Exit.FAILED,
    Exit.USAGE,
    Exit.UNANSWERED,
    Exit.REFUSED,
    Exit.CONFIG,
    Exit.INTERRUPTED,
    Exit.TERMINATED,
)
"""How a command that asks the API can end."""

_CHANGING = (*_ASKING[:4], Exit.BUSY, *_ASKING[4:])
"""How one that changes something, or foresees it, can end: another process may hold the server's lock."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command. `module` holds a click command under the name `command`, or under `attribute`."""

    module: str
    does: str
    examples: tuple[str, ...]
    exits: tuple[Exit, ...]
    attribute: str = "command"

    def epilog(self) -> str:
        """What ends the command's help. The \\b keeps click from filling the lines into paragraphs."""
        examples = "\n".join(f"  {example}" for example in self.examples)
        return f"\b\nExamples:\n{examples}\n\n{exit_lines(self.exits)}"


def exit_lines(exits: tuple[Exit, ...]) -> str:
    """The exit codes as a block of help."""
    return "\b\nExit codes:\n" + "\n".join(f"  {code.value:>3}  {MEANING[code]}" for code in exits)


COMMANDS: Mapping[str, Entry] = {
    "run": Entry(
        "rotator.cli.run",
        "Rotate on schedule as a daemon, or --once now.",
        (
            "rotator run                        the daemon",
            "rotator run --watch                ... which takes over a changed configuration",
            "rotator run --once                 rotate everything now (short: rotator --once)",
            "rotator run --once --due           only what is due, for cron and timers",
            "rotator run --once --server 12345 --policy nightly",
            "rotator run --once --dry-run       what would be done",
        ),
        _CHANGING,
    ),
    "plan": Entry(
        "rotator.cli.plan",
        "Show what a rotation would do, and why; change nothing.",
        (
            "rotator plan",
            "rotator plan --server 12345 --policy nightly --json",
            "rotator plan --at 2027-03-14T03:00:00Z",
            "rotator plan --snapshots saved.json   from a saved list, without network or token",
        ),
        _CHANGING,
    ),
    "check": Entry(
        "rotator.cli.check",
        "Check the configuration, with --online the account too.",
        (
            "rotator check",
            "rotator --config new.yaml check --next 10",
            "rotator check --online --json",
        ),
        _ASKING,
    ),
    "list": Entry(
        "rotator.cli.list",
        "List the configured servers' snapshots, and whose they are.",
        ("rotator list", "rotator list --server 12345 --json"),
        _ASKING,
    ),
    "simulate": Entry(
        "rotator.cli.simulate",
        "Show which restore points will exist when.",
        (
            "rotator simulate --days 30           every server, as if it were empty now",
            "rotator simulate --days 90 --policy nightly --svg nightly.svg",
            "rotator simulate --days 14 --online  from what stands on the servers now",
            "rotator simulate --days 365 --at 2027-01-01T00:00:00Z --json",
        ),
        _ASKING,
    ),
    "healthcheck": Entry(
        "rotator.cli.healthcheck",
        "Ask the running daemon whether it is well, for probes.",
        ("rotator healthcheck", "rotator --config /etc/rotator/config.yaml healthcheck --json"),
        (Exit.OK, Exit.FAILED, Exit.USAGE, Exit.CONFIG),
    ),
    "create": Entry(
        "rotator.cli.create",
        "Take a snapshot of one server by hand.",
        (
            "rotator create --server 12345 --name before-upgrade",
            "rotator create --server 12345 --name before-upgrade --wait --json",
        ),
        _CHANGING,
    ),
    "delete": Entry(
        "rotator.cli.delete",
        "Delete one snapshot by hand; asks first.",
        ("rotator delete 801", "rotator delete before-upgrade --yes"),
        _CHANGING,
    ),
    "restore": Entry(
        "rotator.cli.restore",
        "Overwrite a server with one of its snapshots; asks first.",
        (
            "rotator restore 801",
            "rotator restore 801 --safety-snapshot --wait",
            "rotator restore 801 --yes          for scripts: nothing is asked",
        ),
        _CHANGING,
    ),
    "status": Entry(
        "rotator.cli.status",
        "Show how fresh each restore point is, and what comes next.",
        (
            "rotator status",
            "rotator status --server 12345 --json",
            "rotator status --nagios            for a monitoring check: one line, exit code 0 to 3",
        ),
        _ASKING,
    ),
    "init": Entry(
        "rotator.cli.init",
        "Write a first configuration, with the account's servers.",
        (
            "rotator init",
            "rotator --config /etc/rotator/config.yaml init",
            "rotator init --offline         a template, without asking the API",
        ),
        _ASKING,
    ),
    "schema": Entry(
        "rotator.cli.schema",
        "Print the JSON Schema of the configuration, for editors.",
        ("rotator schema > rotator.schema.json", "rotator schema --markdown"),
        (Exit.OK, Exit.USAGE),
    ),
    "completion": Entry(
        "rotator.cli.completion",
        "Print the script for Tab in bash, zsh or fish.",
        (
            """eval "$(rotator completion bash)"                               in ~/.bashrc""",
            """eval "$(rotator completion zsh)"                                in ~/.zshrc, after compinit""",
            "rotator completion fish > ~/.config/fish/completions/rotator.fish",
        ),
        (Exit.OK, Exit.USAGE),
    ),
    "sandbox": Entry(
        "rotator.cli.sandbox",
        "An embedded VPS.org API to try everything on.",
        (
            "rotator sandbox",
            "rotator sandbox --servers 5 --create-time 5s",
            "rotator sandbox --switch cap=3 --switch paging=true",
            """rotator sandbox --fault '{"method": "POST", "status": 502, "times": 2}'""",
        ),
        (Exit.OK, Exit.FAILED, Exit.USAGE),
        attribute="sandbox",
    ),
    "demo": Entry(
        "rotator.cli.demo",
        "Show the main job on an embedded VPS.org API.",
        ("rotator demo", "rotator demo --fast            without the daemon: a few seconds"),
        (Exit.OK, Exit.FAILED, Exit.USAGE, Exit.INTERRUPTED, Exit.TERMINATED),
    ),
}
