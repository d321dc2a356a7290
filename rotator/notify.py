"""Messages through Apprise: the only module that imports it, and only to send one.

Law 1: the addresses are secrets: they are read anew for each message, and told by their line at most.
Law 2: a message is sent in a thread that nobody waits for longer than SECONDS, nor does the end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress

from rotator.errors import ConfigError, Fault
from rotator.redact import guard

SECONDS = 30.0
"""How long all addresses of one message may take."""


def read_urls(path: str) -> list[tuple[int, str]]:
    """The addresses and their lines; empty lines and comments (#) are none. Raises ConfigError."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [(number, line.strip()) for number, line in enumerate(file, 1)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError((Fault(path, 0, 0, "notify.urls_file", f"cannot be read: {reason}"),)) from None
    urls = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not urls:
        raise ConfigError((Fault(path, 0, 0, "notify.urls_file", "holds no address"),))
    for _, url in urls:
        guard(url)
        guard(url.partition("://")[2].partition("/")[2])  # the path alone is what libraries quote
    return urls


def check_services(path: str) -> None:
    """Raise ConfigError for addresses that Apprise knows no service for; where it is not installed, none."""
    urls = read_urls(path)
    try:
        import apprise  # noqa: PLC0415  # an extra, and slow to import
    except ImportError:
        return
    _hush()
    unknown = [number for number, url in urls if not apprise.Apprise().add(url)]
    why = "Apprise knows no service for this address: is the word before :// right?"
    if unknown:
        raise ConfigError(tuple(Fault(path, number, 1, "notify.urls_file", why) for number in unknown))


async def send(path: str, title: str, body: str, *, bad: bool) -> list[int]:
    """Send to every address of the file; the lines of those that failed. Raises ConfigError, TimeoutError.

    `bad` says whether it is bad news or good, in Apprise's words a failure or a success.
    """
    urls = read_urls(path)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[int]] = loop.create_future()

    def settle(failed: list[int]) -> None:
        if not done.done():
            done.set_result(failed)

    def work() -> None:
        failed = [number for number, url in urls if not _sent(url, title, body, bad=bad)]
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, failed)

    threading.Thread(target=work, daemon=True, name="notify").start()
    async with asyncio.timeout(SECONDS):
        return await done


def _sent(url: str, title: str, body: str, *, bad: bool) -> bool:
    """Whether the service took it; whatever a library of a library raises means that it did not."""
    import apprise  # noqa: PLC0415  # an extra, and slow to import

    _hush()
    try:
        messenger = apprise.Apprise()
        kind = apprise.NotifyType.FAILURE if bad else apprise.NotifyType.SUCCESS
        return bool(messenger.add(url)) and bool(messenger.notify(title=title, body=body, notify_type=kind))
    except Exception:  # plugins are many, and nothing of theirs may end a daemon
        return False


def _hush() -> None:
    """They write addresses into their warnings."""
    for talkative in ("apprise", "requests", "urllib3"):
        logging.getLogger(talkative).setLevel(logging.CRITICAL + 1)
