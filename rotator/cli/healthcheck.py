"""`rotator healthcheck`: the running daemon's own answer, as an exit code."""

from __future__ import annotations

import click

from rotator.cli import output
from rotator.cli.exits import Exit
from rotator.cli.invocation import invocation, json_option, shared_options


@click.command("healthcheck")
@json_option
@shared_options
def command(*, as_json: bool) -> int:
    """Ask the running daemon's /healthz whether it is well.

    The address is that of the configuration's section http; no other section is looked at, so that a file
    that is being changed makes no healthy daemon look ill. Silence counts as ill after three seconds.
    """
    from rotator.config import load_http  # noqa: PLC0415  # `--help` needs neither
    from rotator.errors import ConfigError, Fault  # noqa: PLC0415  # likewise
    from rotator.probe import reasons_against  # noqa: PLC0415  # likewise

    asked = invocation()
    path = asked.config_path()
    http = load_http(path)
    if http is None:
        message = "the daemon listens nowhere: write http: {listen: 127.0.0.1:9187}"
        raise ConfigError((Fault(path, 1, 1, "http", message),))
    reasons = reasons_against(http.listen)
    if as_json:
        output.say_json({"version": 1, "ok": not reasons, "reasons": reasons})
    elif reasons or not asked.quiet:
        output.say(*(f"unhealthy: {reason}" for reason in reasons) if reasons else ("healthy",))
    return Exit.FAILED if reasons else Exit.OK
