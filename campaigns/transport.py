"""Campaign, second part: the token goes to its API alone, and to nobody on the way.

Redirects, proxies, certificates that nobody signed, addresses that only look like this machine: real
listeners stand where the token must not arrive, and every byte that they were sent is searched.
"""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from campaigns import hostile
from campaigns.addresses import addresses
from campaigns.hostile import Listener
from campaigns.trials import Trial
from rotator.lock import lock_directory

Scenario = Callable[[Trial], None]

PATH = "/api/v1"


def silent(trial: Trial, listener: Listener, who: str) -> None:
    """Nobody may have asked that listener for anything."""
    trial.look("what was sent to", who, listener.everything)
    trial.expect(not listener.heard, f"{who} was asked: {listener.everything[:200]!r}")


# --- redirects ------------------------------------------------------------------------------------


def redirect(status: int, method: str) -> Scenario:
    """The API points somewhere else: another port, another name, plain http."""

    def play(trial: Trial) -> None:
        account = hostile.Account(trial.token)
        with hostile.listening(lambda heard: hostile.reply(200, [])) as other:
            place = trial.random.choice(
                (other.origin, f"http://localhost:{other.port}", f"//127.0.0.1:{other.port}")
            )
            away = hostile.reply(status, "", {"Location": f"{place}{PATH}/snapshots/"})
            turned = iter([True])

            def answer(heard: hostile.Heard) -> bytes:
                if heard.method == method and next(turned, False):
                    return away
                return account(heard) if method == "POST" else hostile.reply(403)

            with hostile.listening(answer) as api:
                trial.config(api.origin + PATH)
                trial.run("run", "--once")
                trial.expect(
                    any(heard.method == method for heard in api.heard), f"no {method} came to the API"
                )
            silent(trial, other, "where the redirect points to")

    return play


# --- proxies --------------------------------------------------------------------------------------

LOOPBACKS = ("127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "127.255.255.254")
"""Names of this machine that rotator takes with plain http, as a listener on all of 127.0.0.0/8 has them."""


def proxied_http(host: str) -> Scenario:
    """Plain http to this machine, and an environment that names a proxy for everything."""

    def play(trial: Trial) -> None:
        with (
            hostile.listening(lambda heard: hostile.reply(403)) as proxy,
            hostile.listening(lambda heard: hostile.reply(403), address="0.0.0.0") as api,
        ):
            trial.config(f"http://{host}:{api.port}{PATH}")
            variables = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy")
            trial.run("list", **dict.fromkeys(variables, proxy.origin))
            trial.expect(api.heard, f"{host} was not asked itself")
            silent(trial, proxy, "the proxy")

    return play


def proxied_https(trial: Trial) -> None:
    """A proxy for https is used, as people behind one expect: it hears a name and a port, and no token."""
    with hostile.listening(lambda heard: hostile.reply(403)) as proxy:
        trial.config("https://api.test/api/v1")
        with trial.started("list", HTTPS_PROXY=proxy.origin) as process:
            while not proxy.heard and process.poll() is None:
                pass
            process.terminate()
            out, err = process.communicate()
        trial.ended(process, out, err, ("list",))
        trial.look("what was sent to", "the proxy", proxy.everything)
        trial.expect(proxy.everything.startswith(b"CONNECT api.test:443"), "the proxy was not asked")
        trial.expect(b"uthorization" not in proxy.everything, "the proxy saw an Authorization")


# --- certificates ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certified:
    """Who signed the server's certificate, for whom and until when; and whether that is good enough."""

    known: bool = True
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    ends: timedelta = timedelta(days=1)
    good: bool = False


CERTIFICATES: Mapping[str, Certified] = {
    "good": Certified(good=True),
    "by an unknown authority": Certified(known=False),
    "for another name": Certified(names=("api.test",)),
    "for a name that begins alike": Certified(names=("127.0.0.1.api.test", "localhost.api.test")),
    "for every name": Certified(names=("*.test",)),
    "expired": Certified(ends=timedelta(days=-1)),
}


def certificate(name: str) -> Scenario:
    """A real TLS server with that certificate."""
    wanted = CERTIFICATES[name]

    def play(trial: Trial) -> None:
        trusted, signer = trustme.CA(), trustme.CA()
        now = datetime.now(UTC)
        issued = (trusted if wanted.known else signer).issue_cert(
            *wanted.names, not_before=now - timedelta(days=9), not_after=now + wanted.ends
        )
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(tls)
        authority = trial.work / "ca.pem"
        trusted.cert_pem.write_to_path(str(authority))
        with hostile.listening(lambda heard: hostile.reply(403), tls=tls) as api:
            trial.config(api.origin + PATH, api=f"  ca_file: {authority}\n")
            if wanted.good:
                ran = trial.run("list")
                trial.expect(
                    f"Bearer {trial.token}".encode() in api.everything, f"it was not asked: {ran.both}"
                )
                return
            refused = _refused(trial)
            silent(trial, api, f"a server with a certificate {name}")
            trial.expect("CERTIFICATE_VERIFY_FAILED" in refused, f"it was not refused for that: {refused}")

    return play


def unknown_to_the_system(trial: Trial) -> None:
    """Without `ca_file` only what the system trusts will do."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    with hostile.listening(lambda heard: hostile.reply(403), tls=tls) as api:
        trial.config(api.origin + PATH)
        refused = _refused(trial)
        silent(trial, api, "a server that the system does not know")
        trial.expect("CERTIFICATE_VERIFY_FAILED" in refused, f"it was not refused for that: {refused}")


def plain_where_tls_was_asked(trial: Trial) -> None:
    """A server that speaks plain http where https was written."""
    with hostile.listening(lambda heard: hostile.reply(200, [])) as api:
        trial.config(f"https://127.0.0.1:{api.port}{PATH}")
        _refused(trial)
        trial.look("what was sent to", "a server without TLS", api.everything)
        trial.expect(b"uthorization" not in api.everything, "an Authorization went out in plain")


def _refused(trial: Trial) -> str:
    """The daemon's words when it cannot reach its API: it says so at once, where a command tries for 45 s."""
    with trial.started("run", "--once") as process:
        assert process.stderr is not None
        err = b""
        while b"api.retry" not in err and b"api.failed" not in err:
            line = process.stderr.readline()
            if not line:
                break
            err += line
        process.terminate()
        out, rest = process.communicate(timeout=60)
    return trial.ended(process, out, err + rest, ("run", "--once")).both


# --- modes ----------------------------------------------------------------------------------------


def modes(trial: Trial) -> None:
    """What rotator writes, under a umask that allows everything: locks in a directory that is closed."""
    account = hostile.Account(trial.token)
    trial.way = "file"
    with hostile.listening(account) as api:
        trial.config(api.origin + PATH)
        before = _modes(trial.work)
        trial.run("run", "--once", shell="umask 0")
        trial.token_file.chmod(0o644)
        ran = trial.run("run", "--once", shell="umask 0")
    trial.expect(f"others can read the token's file {trial.token_file}" in ran.both, "no warning came")
    locks = lock_directory(trial.environ)
    trial.expect(not locks.stat().st_mode & 0o007, f"{locks} is open to everybody")
    written = {path: mode for path, mode in _modes(trial.work).items() if path not in before}
    for path, mode in written.items():
        wanted = 0o700 if path.is_dir() else 0o666
        trial.expect(mode == wanted and path.parent == locks, f"{path} was written with mode {mode:o}")


def _modes(directory: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.lstat().st_mode) for path in directory.rglob("*")}


# --- all of them ----------------------------------------------------------------------------------


def scenarios() -> dict[str, Scenario]:
    """Every scenario of this module by its name."""
    found: dict[str, Scenario] = {}
    for status in (301, 302, 303, 307, 308):
        for method in ("GET", "POST"):
            found[f"redirect: {status} to a {method}"] = redirect(status, method)
    found |= {f"proxy: http to {host}": proxied_http(host) for host in LOOPBACKS}
    found |= {f"TLS: a certificate {name}": certificate(name) for name in CERTIFICATES}
    return found | {
        "proxy: https": proxied_https,
        "TLS: unknown to the system": unknown_to_the_system,
        "TLS: none at all": plain_where_tls_was_asked,
        "addresses": addresses,
        "modes": modes,
    }
