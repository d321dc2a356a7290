"""`rotator` itself: finds the command, imports only that, and gives its help an ending."""

from __future__ import annotations

from importlib import import_module

import click
from click.shell_completion import CompletionItem

from rotator.cli.commands import COMMANDS, Entry, exit_lines
from rotator.cli.exits import Exit
from rotator.cli.invocation import VALUED, shared_options
from rotator.cli.version import version_option


class LazyGroup(click.Group):
    """Commands by the table; each is imported when it is used or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, with examples and exit codes at the end of its help."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = getattr(import_module(entry.module), entry.attribute)
        found.epilog = entry.epilog()
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line each, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.does) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The table's commands, none of them imported, and the shared options."""
        named = [item for name, entry in COMMANDS.items() if (item := _offer(name, entry, incomplete))]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`rotator --once …` is short for `rotator run --once …`."""
        first = _after_shared(args)
        if args[first:] and args[first].startswith("-") and "--once" in args[first:]:
            args = [*args[:first], "run", *args[first:]]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but who misspells a command hears which one was meant."""
        if args[0] not in COMMANDS:
            from rotator.config.spelling import closest  # noqa: PLC0415  # brings the whole configuration along

            ctx.fail(f"there is no command {args[0]!r}{closest(args[0], COMMANDS) or '.'}")
        return super().resolve_command(ctx, args)


def _offer(name: str, entry: Entry, incomplete: str) -> CompletionItem | None:
    return CompletionItem(name, help=entry.does) if name.startswith(incomplete) else None


def _after_shared(args: list[str]) -> int:
    """Where the shared options that stand at the beginning end."""
    index = 0
    while index < len(args):
        if args[index] in VALUED:
            index += 2
        elif args[index] == "--quiet" or args[index].startswith(tuple(f"{name}=" for name in VALUED)):
            index += 1
        else:
            break
    return index


@click.group(
    cls=LazyGroup,
    epilog="rotator --once is short for rotator run --once. Each command's --help has examples.\n\n"
    + exit_lines(tuple(Exit)),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@version_option
@shared_options
def cli() -> None:
    """Take named snapshots of VPS.org servers on cron schedules and delete the oldest ones.

    Never at the cost of a restore point: what is deleted, and why, is told before it is done.
    """
