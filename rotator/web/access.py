"""Who may read, and that nobody may do more than read.

Law 1: whatever is not GET or HEAD is refused, whoever asks.
Law 2: where there is a token, everything but OPEN wants it: as a bearer token, or as the password of basic
       authentication with any user name. It is compared in constant time and never sent back.
Law 3: an address of this machine alone that wants no token is asked by that address, or as localhost: a page
       from elsewhere whose name was made to lead here (DNS rebinding) reads nothing through a browser.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

READING = frozenset({"GET", "HEAD"})

OPEN = frozenset({"/healthz"})
"""What probes ask for: it tells nothing but whether the daemon is well."""

CHALLENGE = {"WWW-Authenticate": 'Basic realm="rotator", charset="UTF-8"'}
"""What makes a browser ask for the password."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`token` is what readers have to show, None where there is none. `here`: only this machine can ask."""

    token: str | None = field(default=None, repr=False)
    here: bool = False


class Access:
    """The rule in force; it may be replaced at any time."""

    def __init__(self, rule: Rule = Rule()) -> None:
        self.rule = rule

    def guarding(self, app: ASGIApp) -> ASGIApp:
        """The application, for those who may read it."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            refusal = self._refusal(scope) if scope["type"] == "http" else None
            await (refusal or app)(scope, receive, send)

        return guarded

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["method"] not in READING:
            return refusal(
                405, "bad_request", "this is read only: GET and HEAD are answered", Allow="GET, HEAD"
            )
        rule, headers = self.rule, Headers(scope=scope)
        if scope["path"] in OPEN:
            return None
        if rule.token is None and rule.here and not _is_no_name(headers.get("host", "")):
            return refusal(403, "forbidden", "ask by IP address or as localhost, or set http.token_file")
        if rule.token is None or _shows(headers.get("authorization", ""), rule.token):
            return None
        wanted = "the token of http.token_file is wanted, as a bearer token or a password"
        return refusal(401, "unauthorized", wanted, **CHALLENGE)


def refusal(status: int, code: str, message: str, **headers: str) -> Response:
    """An answer that is an error, in the form of every other document."""
    document = {"version": 1, "ok": False, "errors": [{"code": code, "message": message}]}
    return JSONResponse(document, status, headers)


def _is_no_name(host: str) -> bool:
    """Whether the header Host names nothing that somebody else could make lead here."""
    name = re.sub(r":[0-9]+$", "", host).strip("[]")
    try:
        return name in {"", "localhost"} or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _shows(authorization: str, token: str) -> bool:
    scheme, _, value = authorization.partition(" ")
    read = SCHEMES.get(scheme.lower())
    shown = read(value.strip()) if read is not None else ""
    return hmac.compare_digest(shown.encode(errors="surrogateescape"), token.encode())


def _password(value: str) -> str:
    """Of basic authentication; empty where it is none."""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # not ASCII, not base64, not UTF-8
        return ""


SCHEMES: Mapping[str, Callable[[str], str]] = {"bearer": str, "basic": _password}
"""How each scheme shows the token."""
