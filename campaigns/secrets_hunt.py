"""Campaign: the token appears nowhere.

Real processes of rotator, a token that nobody has seen, and everything that could bring it out: APIs that
repeat it, configurations with it in the wrong place, crashes, signals, debug switches. All that is left
behind is searched byte by byte.

    python -m campaigns.secrets_hunt --seed 1
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from campaigns import faces, hostile, seeds, slips
from campaigns.trials import WAYS, Trial

Scenario = Callable[[Trial], None]

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check", "--online"),
    ("check", "--online", "--json"),
    ("list",),
    ("list", "--json"),
    ("plan",),
    ("plan", "--json"),
    ("run", "--once", "--dry-run"),
    ("run", "--once", "--json"),
    ("--log-level", "debug", "--log-format", "console", "run", "--once"),
    ("--log-level", "debug", "--log-format", "json", "run", "--once", "--due"),
    ("--quiet", "--once"),
    ("schema",),
    ("check",),
    ("--help",),
    ("run", "--help"),
    ("demo", "--fast"),
    ("status",),
    ("status", "--json"),
    ("simulate", "--days", "2", "--online"),
    ("completion", "bash"),
    ("create", "--server", "101", "--name", "by-hand", "--json"),
    ("delete", "801", "--yes", "--json"),
    ("restore", "801", "--yes", "--json"),
    ("init",),
    ("healthcheck",),
)
"""Command lines that end by themselves; `sandbox` and the daemon have scenarios of their own."""

MAY_REFUSE = frozenset({"create", "delete", "restore", "init", "healthcheck"})
"""Commands for which the stage may hold nothing to act on: what they say then is searched all the same."""

ASKING = (
    ("list",),
    ("list", "--json"),
    ("check", "--online"),
    ("run", "--once"),
    ("run", "--once", "--json"),
)

DEBUG = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1", "HTTPX_LOG_LEVEL": "trace", "SSLKEYLOGFILE": ""}
"""Everything that makes Python and its libraries talk."""

BREAK = """\
import httpx, sys

async def broken(self, request, **_):
    headers = {name: value.decode() for name, value in request.headers.raw}
    authorization = headers[b"Authorization"]
    raise RuntimeError(f"nobody foresaw this: {headers} {request.url}", authorization)

httpx.AsyncClient.send = broken
"""
"""A `sitecustomize` under which every request ends in an exception that holds the token and shows it."""


# --- what an API may say --------------------------------------------------------------------------


def says(kind: Mapping[str, hostile.Echo], name: str) -> Scenario:
    """An API that gives that answer: for ever where it ends the command, else once and then a refusal."""

    def play(trial: Trial) -> None:
        answer = kind[name](trial.token)
        final = kind is not hostile.PASSING
        then = answer if final else hostile.REFUSALS["403 detail"](trial.token)
        command = trial.random.choice(ASKING)
        with hostile.listening(hostile.once(answer, then)) as api:
            trial.config(f"{api.origin}/api/v1")
            ran = trial.run("--log-level", "debug", *command)
            trial.expect(
                f"Bearer {trial.token}".encode() in api.everything, "the API was not shown the token"
            )
        trial.expect(ran.code in (1, 77), f"{command} ended with {ran.code}: {ran.both[:300]}")
        trial.expect("Traceback" not in ran.both, f"{command} broke: {ran.both[:2000]}")

    return play


def works(*arguments: str) -> Scenario:
    """An API that works, and has the token in every text of every row."""

    def play(trial: Trial) -> None:
        with hostile.listening(hostile.Account(trial.token)) as api:
            trial.config(f"{api.origin}/api/v1", api="  failed_states: [broken]\n")
            ran = trial.run(*arguments)
        codes = (0, 1, 2, 75, 78) if MAY_REFUSE & set(arguments) else (0, 1)
        trial.expect(ran.code in codes, f"{arguments} ended with {ran.code}: {ran.both[:300]}")

    return play


# --- what people may do ---------------------------------------------------------------------------


def reload_of_a_slip(trial: Trial) -> None:
    """A daemon whose configuration is replaced by one with the token in it."""
    with hostile.listening(hostile.Account(trial.token)) as api:
        path = trial.config(f"{api.origin}/api/v1")
        good = path.read_text()
        with trial.started("--log-level", "debug", "run", **DEBUG) as process:
            assert process.stderr is not None
            err = _read_until(process.stderr, b"daemon.ready")
            path.write_text(f"{good}{trial.token}: {trial.token}\nhttp: {{listen: {trial.token}}}\n")
            process.send_signal(signal.SIGHUP)
            err += _read_until(process.stderr, b"config.rejected")
            path.write_text(good)
            process.send_signal(signal.SIGTERM)
            out, rest = process.communicate(timeout=60)
        ran = trial.ended(process, out, err + rest, ("run",))
        trial.expect("config.rejected" in ran.both, "the daemon never rejected it")
        trial.expect(ran.code == 0, f"the daemon ended with {ran.code}")


# --- what may break -------------------------------------------------------------------------------


def unforeseen(*arguments: str) -> Scenario:
    """An exception that nobody foresaw, with the token in its words, arguments and local variables."""

    def play(trial: Trial) -> None:
        broken = trial.directory / "broken"
        broken.mkdir()
        (broken / "sitecustomize.py").write_text(BREAK)
        path = f"{broken}:{trial.environ['PYTHONPATH']}"
        trial.config("http://127.0.0.1:9/api/v1")
        ran = trial.run(*arguments, PYTHONPATH=path, **DEBUG)
        trial.expect("nobody foresaw this" in ran.both, f"{arguments}: it was not told: {ran.both[:300]}")

    return play


def killed(number: signal.Signals, *, code: int) -> Scenario:
    """A daemon ended by a signal, with core dumps allowed and a fault handler that prints its stacks."""

    def play(trial: Trial) -> None:
        with hostile.listening(hostile.Account(trial.token)) as api:
            trial.config(f"{api.origin}/api/v1")
            ran = trial.interrupt(
                number, "run", when="daemon.ready", shell="ulimit -c unlimited", PYTHONFAULTHANDLER="1"
            )
            trial.expect(ran.code == code, f"{number.name}: ended with {ran.code}: {ran.both[:300]}")

    return play


def killed_in_a_create(trial: Trial) -> None:
    """Killed while the answer to its create is awaited: its record stays, and the next start reads it."""
    account = hostile.Account(trial.token)
    with hostile.listening(account) as api:
        trial.config(f"{api.origin}/api/v1")
        with trial.started("run", "--once") as process:
            while not any(heard.method == "POST" for heard in api.heard):
                if process.poll() is not None:
                    break
            process.kill()
            out, err = process.communicate(timeout=60)
        trial.ended(process, out, err, ("run", "--once"))
        ran = trial.run("run", "--once")
        trial.expect(ran.code in (0, 1), f"ended with {ran.code}: {ran.both[:300]}")


def sandbox(trial: Trial) -> None:
    """The sandbox needs no token, and does not show the one that it finds."""
    with trial.started("sandbox", "--listen", "127.0.0.1:0") as process:
        assert process.stdout is not None
        out = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=60)
    ran = trial.ended(process, out + rest, err, ("sandbox",))
    trial.expect(b"sandbox answers" in out, f"it never came up: {ran.both[:300]}")


def _read_until(stream: object, words: bytes) -> bytes:
    read = b""
    while words not in read:
        line: bytes = stream.readline()  # type: ignore[attr-defined]  # a pipe of bytes
        if not line:
            break
        read += line
    return read


# --- all of them ----------------------------------------------------------------------------------


def scenarios() -> dict[str, Scenario]:
    """Every scenario of this module by its name."""
    found: dict[str, Scenario] = {f"works: {' '.join(line)}": works(*line) for line in COMMANDS}
    for kind in (hostile.REFUSALS, hostile.PASSING, hostile.LISTS):
        found |= {f"says: {name}": says(kind, name) for name in kind}
    found |= {f"slip: {name}": slips.slip(name) for name in slips.CONFIGS}
    found |= {f"token file: {name}": slips.wrong_file(name) for name in slips.FILES}
    found |= {f"token file: {name}": slips.forgiven_file(name) for name in slips.FORGIVEN}
    for line in (("list",), ("run", "--once", "--json"), ("--log-format", "console", "run", "--once")):
        found[f"unforeseen: {' '.join(line)}"] = unforeseen(*line)
    for number in (signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL):
        found[f"signal: {number.name}"] = killed(number, code=-number)
    found |= {
        "signal: in a create": killed_in_a_create,
        "hooks": faces.hooked,
        "pings and messages": faces.told,
        "pages": faces.served,
        "reload of a slip": reload_of_a_slip,
        "wrong variables": slips.wrong_variables,
        "sandbox": sandbox,
    }
    return found


def play(name: str, scenario: Scenario, seed: int, *, number: int = 0) -> Trial:
    """One scenario on a stage of its own; the number decides where its token stands."""
    random = Random(f"{seed} {name} {number}")
    with tempfile.TemporaryDirectory() as directory:
        trial = Trial(Path(directory), random, WAYS[(number + seed) % len(WAYS)])
        scenario(trial)
        return trial


def hunt(seed: int, chosen: Mapping[str, Scenario], *, rounds: int = 1) -> Iterator[tuple[str, Trial]]:
    """Play them all, two at a time; in each round the token of a scenario stands in another place."""
    jobs = [(name, number) for number in range(rounds) for name in chosen]
    with ThreadPoolExecutor(2) as pool:
        trials = pool.map(lambda job: play(job[0], chosen[job[0]], seed, number=job[1]), jobs)
        yield from zip((name for name, _ in jobs), trials, strict=True)


def main() -> int:
    """The command line."""
    from campaigns import transport  # noqa: PLC0415  # needs certificates, which the tests of the rest do not

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    seeds.add_option(parser)
    parser.add_argument(
        "--rounds", type=int, default=len(WAYS), help="how often, each with the token elsewhere"
    )
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    asked = parser.parse_args()
    seed = seeds.begin(asked.seed)
    # A job in the background ignores both, and so would its children.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    every = scenarios() | transport.scenarios()
    chosen = {name: scenario for name, scenario in every.items() if asked.only in name}
    runs = searched = wrong = 0
    for name, trial in hunt(seed, chosen, rounds=asked.rounds):
        runs, searched = runs + trial.runs, searched + trial.searched
        print(f"{'FOUND' if trial.findings else 'clean'}  {trial.way:11}  {name}", flush=True)
        for finding in trial.findings:
            wrong += 1
            print(f"  {finding}\n  again: python -m campaigns.secrets_hunt --seed {seed} --only {name!r}")
    print(
        f"{len(chosen)} scenarios, {runs} processes, {searched} bytes searched beside files: {wrong} findings"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
