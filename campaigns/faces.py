"""What rotator shows to others while it works: hooks, pings, messages and the pages of its HTTP listener.

Each scenario has the token in every text of the API, and searches all that these others were given.
"""

from __future__ import annotations

import signal
from pathlib import Path

import httpx

from campaigns import hostile
from campaigns.trials import PATIENCE, Trial

PAGES = ("/healthz", "/readyz", "/metrics", "/status.json", "/", "/servers/101", "/nowhere")
"""What the HTTP listener answers; the last one it does not know."""

PASSWORD = "only-for-the-pages"  # of the page, not of the API: it may be sent to the page


def hooked(trial: Trial) -> None:
    """Hooks that print and keep their whole environment."""
    keep = 'env; env > "env-$ROTATOR_PHASE"; exit 1'
    hooks = f"hooks: {{before: [env], created: [sh, -c, {keep!r}], after: [sh, -c, {keep!r}]}}"
    with hostile.listening(hostile.Account(trial.token)) as api:
        path = trial.config(f"{api.origin}/api/v1")
        path.write_text(path.read_text().replace("defaults: {", f"defaults: {{{hooks}, "))
        ran = trial.run("--log-level", "debug", "run", "--once")
    trial.expect("hook.f" in ran.both, f"no hook ever ran: {ran.both[:300]}")
    kept = sorted(trial.work.glob("env-*"))
    trial.expect(len(kept) == 2, f"the hooks kept {len(kept)} environments")
    for file in kept:
        trial.expect(trial.token not in file.read_text(), f"{file.name} holds the token")


def told(trial: Trial) -> None:
    """A refused rotation that is told to a ping's receiver and, by Apprise, to a message's."""
    refusal = hostile.REFUSALS["403 detail"](trial.token)
    account = hostile.Account(trial.token)

    def refuse_creates(heard: hostile.Heard) -> bytes:
        return refusal if heard.method == "POST" else account(heard)

    with hostile.listening(refuse_creates) as api, hostile.listening(lambda _: hostile.reply(200)) as others:
        path = trial.config(f"{api.origin}/api/v1", more="notify: {urls_file: urls}\n")
        path.write_text(path.read_text().replace("keep: {last: 3}", "keep: {last: 3}, ping_url_file: ping"))
        (trial.work / "ping").write_text(f"{others.origin}/ping\n")
        (trial.work / "urls").write_text(f"json://127.0.0.1:{others.port}/message\n")
        ran = trial.run("--log-level", "debug", "run", "--once", HTTPX_LOG_LEVEL="trace")
        heard = sorted(request.path for request in others.heard)
        trial.expect(ran.code == 1, f"ended with {ran.code}: {ran.both[:300]}")
        trial.expect(heard == ["/message", "/ping/fail", "/ping/start"], f"they heard {heard}")
        trial.look("the pings and messages of", "run --once", others.everything)


def served(trial: Trial) -> None:
    """Every page of a daemon that has seen the token in every row, with its password and without."""
    socket = trial.work / "http.sock"
    (trial.work / "password").write_text(PASSWORD)
    with hostile.listening(hostile.Account(trial.token)) as api:
        trial.config(
            f"{api.origin}/api/v1", more=f"http: {{listen: 'unix:{socket}', token_file: password}}\n"
        )
        with trial.started("--log-level", "debug", "run", PYTHONASYNCIODEBUG="1") as process:
            assert process.stderr is not None
            err = b""
            while b"daemon.ready" not in err and (line := process.stderr.readline()):
                err += line
            statuses = _ask(trial, socket)
            process.send_signal(signal.SIGTERM)
            out, rest = process.communicate(timeout=PATIENCE)
        ran = trial.ended(process, out, err + rest, ("run", "http"))
    trial.expect(ran.code == 0, f"ended with {ran.code}: {ran.both[:300]}")
    trial.expect(statuses == EXPECTED, f"the pages answered {statuses}")


EXPECTED = [*(200,) * 6, 404, 200, *(401,) * 6]
"""With the password, and without it: `/healthz` alone wants none."""


def _ask(trial: Trial, socket: Path) -> list[int]:
    """Ask for every page, with and without the password; what came back is searched, the headers too."""
    statuses = []
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=PATIENCE) as client:
        for headers in ({"Authorization": f"Bearer {PASSWORD}"}, {}):
            for path in PAGES:
                answer = client.get(f"http://rotator{path}", headers=headers)
                statuses.append(answer.status_code)
                trial.look("the page", path, repr(answer.headers.raw).encode() + answer.content)
    return statuses
