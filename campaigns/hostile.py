"""An API that gives back what it was told: the token in every place where an answer can hold one.

It speaks raw HTTP from a thread of its own, so that it can also say what no library would let it say, and it
remembers every byte that it was sent. Only whoever holds the token can tell that it is there.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

LONGEST = 2**20  # bytes of a request; rotator's have a few hundred


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    raw: bytes

    @property
    def method(self) -> str:
        """GET, POST, DELETE, CONNECT ..."""
        return self.raw.split(b" ", 1)[0].decode(errors="replace")

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.raw.split(b" ", 2)[1].decode(errors="replace")).path

    @property
    def body(self) -> bytes:
        """What follows the headers."""
        return self.raw.partition(b"\r\n\r\n")[2]


Answerer = Callable[[Heard], bytes]


@dataclass
class Listener:
    """A server on the loopback interface: where it listens, and what it heard."""

    port: int
    scheme: str = "http"
    heard: list[Heard] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def everything(self) -> bytes:
        """All that was sent to it."""
        return b"\n".join(request.raw for request in self.heard)


@contextmanager
def listening(
    answer: Answerer, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> Iterator[Listener]:
    """Answer every request on a free port, each connection once, until the block ends."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                connection = tls.wrap_socket(self.request, server_side=True) if tls else self.request
                raw = _whole(connection.recv)
                if raw:
                    heard = Heard(raw)
                    listener.heard.append(heard)
                    connection.sendall(answer(heard))
                    connection.close()
            except OSError:  # whoever asked has gone, or does not trust us
                return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server((address, 0), Handler) as server:
        listener = Listener(server.server_address[1], "https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join()


def _whole(receive: Callable[[int], bytes]) -> bytes:
    """The request's head, and as much of a body as it announces."""
    raw = b""
    while len(raw) < LONGEST:
        head, ended, body = raw.partition(b"\r\n\r\n")
        if ended and len(body) >= _announced(head):
            return raw
        piece = receive(65536)
        if not piece:
            return raw
        raw += piece
    return raw


def _announced(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def reply(status: int, body: bytes | str | object = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A well-formed answer; anything but bytes and text goes out as JSON."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else _json(body)
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + content


def _json(body: object) -> bytes:
    return json.dumps(body).encode()


# --- an account with nothing but the token in it --------------------------------------------------


@dataclass
class Account:
    """An API that works, but every text of its rows is the token. Creates are ready at once."""

    token: str
    rows: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, heard: Heard) -> bytes:
        """Answer one request."""
        token = self.token
        if heard.path.endswith("/account/me/"):
            return reply(200, {"account": {"email": token}, "token": {"name": token, "permissions": [token]}})
        if heard.path.endswith("/servers/"):
            rows: list[dict[str, object]] = [
                {"id": number, "name": f"web {token}", "status": token} for number in (101, 102)
            ]
            return reply(200, _envelope(rows))
        if heard.method == "POST":
            asked = json.loads(heard.body)
            self.rows.append(self.row(asked["server_id"], f"{token}-id", asked["name"], "completed"))
            return reply(201, self.rows[-1])
        if heard.method == "DELETE":
            return reply(404, {"detail": f"no {heard.path} for {token}"})
        return reply(200, _envelope([*self.foreign(), *self.rows]), {"X-Token": token, "Set-Cookie": token})

    def foreign(self) -> list[dict[str, object]]:
        """Rows that name the token in each of their texts, one of them broken and one of nobody's."""
        token = self.token
        return [
            self.row(101, 1, f"by-hand-{token}", "completed"),
            self.row(101, f"x{token}", "golden", token),
            self.row(102, 3, f"nightly-{token}", "failed"),
            {**self.row(999, 4, token, "completed"), "created_at": token},
            {**self.row(101, 5, token, "completed"), "server": None},
        ]

    def row(self, server: int, key: int | str, name: str, status: str) -> dict[str, object]:
        """One snapshot."""
        return {
            "id": key,
            "server": {"id": server, "name": f"web {self.token}"},
            "name": name,
            "description": f"made with Bearer {self.token}",
            "status": status,
            "size_mb": 5000,
            "created_at": datetime.now(UTC).isoformat(),
            self.token: self.token,
        }


def _envelope(rows: list[dict[str, object]]) -> dict[str, object]:
    return {"count": len(rows), "next": None, "previous": None, "results": rows}


# --- single answers that hold it ------------------------------------------------------------------


def _escaped(token: str) -> str:
    """Every character as JSON's escape."""
    return "".join(f"\\u{ord(char):04x}" for char in token)


def _page(token: str) -> str:
    return (
        f"<html><body><h1>OperationalError at /api/v1/</h1><table><tr><td>HTTP_AUTHORIZATION</td>"
        f"<td><pre>&#x27;Bearer {token}&#x27;</pre></td></tr></table></body></html>"
    )


def _list(**changed: object) -> bytes:
    return reply(200, {"count": 0, "next": None, "previous": None, "results": [], **changed})


Echo = Callable[[str], bytes]

REFUSALS: Mapping[str, Echo] = {
    "401 detail": lambda t: reply(401, {"detail": f"Invalid token {t}."}),
    "403 detail": lambda t: reply(403, {"detail": f"Token {t} lacks snapshots:write"}),
    "403 escaped detail": lambda t: reply(403, f'{{"detail": "Bearer {_escaped(t)}"}}'),
    "403 wide characters": lambda t: reply(403, json.dumps({"detail": t}).encode("utf-16")),
    "400 fields": lambda t: reply(400, {t: [t], "authorization": [f"Bearer {t}", {"is": t}]}),
    "400 list": lambda t: reply(400, [t, {"was": t}]),
    "400 cut words": lambda t: reply(400, {"detail": "x" * 180 + t}),
    "400 cut body": lambda t: reply(400, b" " * (2**16 - 30) + t.encode()),
    "400 page": lambda t: reply(400, _page(t), {"Content-Type": "text/html"}),
    "400 JSON within JSON": lambda t: reply(400, {"detail": json.dumps({"authorization": f"Bearer {t}"})}),
    "404 text": lambda t: reply(404, f"Not found: {t}\r\nAuthorization: Bearer {t}\r\n"),
    "418 headers": lambda t: reply(418, t, {"Retry-After": t, "Date": t, "WWW-Authenticate": f"Bearer {t}"}),
}
"""Answers that end a command: what they say is told to the user."""

PASSING: Mapping[str, Echo] = {
    "500 page": lambda t: reply(500, _page(t)),
    "502 text": lambda t: reply(502, f"upstream sent {t}", {"Retry-After": t}),
    "429 headers": lambda t: reply(429, {"detail": t}, {"Retry-After": "1", "Date": t}),
    "302 to a host of its name": lambda t: reply(302, t, {"Location": f"https://{t}.test/{t}"}),
    "301 without a URL": lambda t: reply(301, t, {"Location": f"http://[{t}"}),
    "no JSON": lambda t: reply(200, f"{t} {{"),
    "JSON of another kind": lambda t: reply(200, json.dumps(t)),
    "broken encoding": lambda t: reply(200, t, {"Content-Encoding": "gzip"}),
    "an encoding of its name": lambda t: reply(200, t, {"Content-Encoding": t, "Content-Type": t}),
    "status line": lambda t: f"HTTP/1.1 {t} OK\r\n\r\n".encode(),
    "no HTTP": lambda t: f"Bearer {t}\r\n\r\n".encode(),
    "header without colon": lambda t: f"HTTP/1.1 200 OK\r\n{t}\r\n\r\n".encode(),
    "header with a space": lambda t: f"HTTP/1.1 200 OK\r\n{t} x: {t}\r\n\r\n".encode(),
    "length": lambda t: f"HTTP/1.1 200 OK\r\nContent-Length: {t}\r\n\r\n".encode(),
    "chunk": lambda t: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{t}\r\n".encode(),
    "transfer": lambda t: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {t}\r\n\r\n".encode(),
    "half a body": lambda t: f"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{t}".encode(),
}
"""Answers after which a request is repeated: what they say is logged."""


LISTS: Mapping[str, Echo] = {
    "count": lambda t: _list(count=t),
    "next on this host": lambda t: _list(count=9, next=f"?page={t}"),
    "next on another host": lambda t: _list(next=f"https://{t}@{t}.test/{t}"),
    "next that is none": lambda t: _list(next=f"http://[{t}"),
    "an id twice": lambda t: _list(count=2, results=[{"id": t}, {"id": t}]),
    "rows that are none": lambda t: _list(results=[t]),
    "a row without anything": lambda t: _list(count=1, results=[{"id": t, "server": {"id": 101}}]),
    "a status that is none": lambda t: _list(
        count=1, results=[{"id": t, "server": {"id": 101}, "name": t, "status": [t]}]
    ),
}
"""Lists that nobody can trust: after the third look the user is told why."""


def once(first: bytes, then: bytes) -> Answerer:
    """That answer to the first request, the other to all later ones."""
    waiting = [first]
    return lambda heard: waiting.pop() if waiting else then
