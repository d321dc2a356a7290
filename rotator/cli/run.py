"""`rotator run`: the daemon, or with --once one pass over what is selected."""

from __future__ import annotations

import click

from rotator.cli import plan, rotate
from rotator.cli.invocation import invocation, json_option, shared_options
from rotator.cli.selection import policy_option, server_option


@click.command("run")
@click.option("--once", is_flag=True, help="Rotate now, wait for the snapshots, and exit.")
@click.option("--watch", is_flag=True, help="As a daemon: take over the configuration when its file changes.")
@click.option("--due", is_flag=True, help="With --once: only what is due, under its slot's name.")
@click.option("--dry-run", is_flag=True, help="With --once: show what would be done, and do nothing.")
@server_option
@policy_option
@json_option
@shared_options
def command(
    *,
    once: bool,
    watch: bool,
    due: bool,
    dry_run: bool,
    servers: tuple[str, ...],
    policies: tuple[str, ...],
    as_json: bool,
) -> int:
    """Rotate: take a snapshot of each server and delete the oldest ones.

    Without --once this is the daemon: it rotates on schedule, makes up for what it missed, reloads on SIGHUP
    and ends on SIGTERM. With --once every selected pair of server and policy is rotated now, under the
    present second for a slot: disabled policies are left out, and naming one is an error.
    """
    asked = invocation()
    if not once:
        only_once = {
            "--due": due,
            "--dry-run": dry_run,
            "--server": servers,
            "--policy": policies,
            "--json": as_json,
        }
        for name, given in only_once.items():
            if given:
                raise click.UsageError(f"{name} goes with --once only.")
        from rotator.cli import service  # noqa: PLC0415  # the scheduler is for the daemon only

        return service.run(asked, watch=watch)
    if watch:
        raise click.UsageError("--watch is for the daemon, not for --once.")
    if dry_run:
        return plan.show(asked, plan.Request(servers, policies, due, as_json))
    return rotate.run(asked, rotate.Request(servers, policies, due, as_json))
