"""Addresses to which a token may go in plain, and those that only look like one of them."""

from __future__ import annotations

import ipaddress
from random import Random

import httpx

from campaigns.trials import Trial
from rotator.config.fields import base_url

ELSEWHERE = (
    "http://api.test/",
    "http://admin.vps.org/api/v1",
    "http://0.0.0.0:8000",
    "http://[::]/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.0.0.1.evil.test/",
    "http://localhost.evil.test/",
    "http://localhost./",
    "http://127.0.0.1@evil.test/",
    "http://localhost:80@evil.test/",
    "http://evil.test\\@127.0.0.1/",
    "http://127.0.0.1\\@evil.test/",
    "http://evil.test#@127.0.0.1/",
    "http://evil.test?@127.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://\uff4cocalhost/",
    "http://localhost%2eevil.test/",
    "http://localhost\t.evil.test/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:8.8.8.8]:80/",
    "http://[fe80::1%25lo]/",
    "http://[::1].evil.test/",
    "http://169.254.169.254/",
    "HTTP://evil.test/",
    "http:evil.test",
    "http:///evil.test",
    "//evil.test/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "unix:///run/api.sock",
    "https://",
    "https://user@api.test/",
    "https://:pw@api.test/",
    "https://api.test/?a=b",
    "https://api.test/#a",
)
"""Where no token may be sent: not this machine, or no plain address at all."""

HERE = ("http://127.0.0.1:8000/api/v1", "http://localhost/", "http://[::1]:8000", "http://127.0.0.2/")
"""Plain http that never leaves this machine."""

_HOSTS = ("127.0.0.1", "localhost", "[::1]", "evil.test", "10.0.0.1", "[::ffff:127.0.0.1]", "0", "127")
_GLUE = (
    "",
    ".",
    "@",
    ":",
    "/",
    "\\",
    "#",
    "?",
    "%2e",
    "%00",
    "%40",
    ":80",
    "%25",
    "]",
    "[",
    "。",
    "\u00ad",
    "\t",
)


def taken(text: str) -> bool:
    """Whether rotator takes that address for its API."""
    try:
        base_url(text)
    except ValueError:
        return False
    return True


def drawn(random: Random) -> str:
    """An address that somebody might try: hosts and what stands between them, thrown together."""
    parts = [random.choice(_HOSTS)]
    for _ in range(random.randrange(3)):
        parts += [random.choice(_GLUE), random.choice(_HOSTS)]
    scheme, ending = random.choice(("http", "HTTP", "Http")), random.choice(("", "/", "/api", ":80/"))
    return f"{scheme}://{''.join(parts)}{ending}"


def stays_here(text: str) -> bool:
    """Whether the HTTP library, which reads an address with eyes of its own, would stay on this machine."""
    try:
        host = httpx.URL(text).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False


def astray(random: Random, tries: int) -> list[str]:
    """Of so many drawn addresses those that rotator takes, and that do not lead to this machine."""
    texts = [drawn(random) for _ in range(tries)]
    return [text for text in texts if taken(text) and not stays_here(text)]


def addresses(trial: Trial) -> None:
    """Listed ones are refused by the program, drawn ones by the function that it asks."""
    for text in trial.random.sample(ELSEWHERE, 3):
        trial.config("http://127.0.0.1:9")
        ran = trial.run("list", VPS_API_URL=text)
        trial.expect(ran.code == 78, f"{text} was taken: {ran.both}")
    for text in ELSEWHERE:
        trial.expect(not taken(text), f"{text!r} was taken")
    for text in HERE:
        trial.expect(taken(text), f"{text} was refused")
    for text in astray(trial.random, 20_000)[:3]:
        trial.expect(False, f"{text!r} was taken, and leads elsewhere or nowhere")
