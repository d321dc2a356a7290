"""Where people put a token by mistake: rotator says what is wrong, and does not repeat what stands there."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping

from campaigns import hostile
from campaigns.trials import Trial

Write = Callable[[str], str]
Scenario = Callable[[Trial], None]

SMALL = """\
policies: {p: {schedule: "@daily", keep: {last: 3}}}
servers: [{id: 5, policies: [p]}]
"""


def _api(keys: str) -> str:
    return f"{SMALL}api: {{{keys}}}\n"


def _policy(keys: str) -> str:
    return SMALL.replace("keep:", f"{keys}, keep:")


def _server(keys: str) -> str:
    return SMALL.replace("id: 5", keys)


CONFIGS: Mapping[str, Write] = {
    "as api.token": lambda t: _api(f"token: {t}"),
    "as api.api_key": lambda t: _api(f"api_key: {t}"),
    "as a token at the top": lambda t: f"{SMALL}token: {t}\n",
    "as api.token_file": lambda t: _api(f"token_file: {t}"),
    "as api.ca_file": lambda t: _api(f"ca_file: {t}"),
    "as base_url": lambda t: _api(f"base_url: {t}"),
    "as the user of base_url": lambda t: _api(f"base_url: 'https://{t}@api.test/'"),
    "as the password of base_url": lambda t: _api(f"base_url: 'https://me:{t}@api.test/'"),
    "in the query of base_url": lambda t: _api(f"base_url: 'https://api.test/?token={t}'"),
    "behind the # of base_url": lambda t: _api(f"base_url: 'https://api.test/#{t}'"),
    "as the host of base_url": lambda t: _api(f"base_url: 'ftp://{t}/'"),
    "as the port of base_url": lambda t: _api(f"base_url: 'https://api.test:{t}/'"),
    "as a number": lambda t: _api(f"concurrency: {t}"),
    "as a duration": lambda t: _api(f"timeout: {t}"),
    "as a state": lambda t: _api(f"failed_states: [{t}]"),
    "in a list of its own": lambda t: _api(f"token_file: [{t}]"),
    "as a key": lambda t: f"{SMALL}{t}: 1\n",
    "as a key of api": lambda t: _api(f"{t}: {t}"),
    "as the value of an unknown key": lambda t: f"{SMALL}notify_token: Bearer {t}\n",
    "as an anchor that is not there": lambda t: _api(f"token_file: *{t}"),
    "as an aliased value": lambda t: f"x: &x {t}\n{SMALL}log: {{level: *x}}\n",
    "as a tag": lambda t: _api(f"token_file: !{t} x"),
    "as a schedule": lambda t: SMALL.replace('"@daily"', t),
    "as a time zone": lambda t: _policy(f"timezone: {t}"),
    "as a name of a policy": lambda t: SMALL.replace("{p:", f"{{{t}:"),
    "as a policy's template": lambda t: _policy(f"name: '{t}-{{slot}}'"),
    "as a description": lambda t: _policy(f"description: by {t}"),
    "as a glob": lambda t: _policy(f"adopt: ['{t}*']"),
    "as a server's id": lambda t: _server(f"id: {t}"),
    "as a server's name": lambda t: _server(f"id: 5, name: {t}"),
    "as the policy of a server": lambda t: SMALL.replace("[p]", f"[{t}]"),
    "as the policies of a server": lambda t: SMALL.replace("[p]", t),
    "as the whole file": lambda t: f"{t}\n",
    "as a line of its own": lambda t: f"{SMALL}{t}\n",
    "in text that is no YAML": lambda t: f"{SMALL}api: {{token: '{t}\n",
    "twice": lambda t: f"{SMALL}api: {{token: {t}, token: {t}}}\n",
    "in a section of tomorrow": lambda t: f"{SMALL}notify: {{urls_file: {t}}}\nhttp: {{token_file: {t}}}\n",
    "in a hook": lambda t: _policy(f"hooks: {{before: ['curl', '-H', 'Authorization: Bearer {t}']}}"),
}
"""The slip, and the file with it. Each is a wrong configuration."""

FILES: Mapping[str, Callable[[bytes], bytes]] = {
    "two words": lambda t: t + b" " + t,
    "with Bearer": lambda t: b"Bearer " + t,
    "as a shell has it": lambda t: b"export VPS_API_TOKEN=" + t + b"\n",
    "two lines": lambda t: t + b"\n" + t + b"\n",
    "byte order mark": lambda t: codecs.BOM_UTF8 + t,
    "carriage return inside": lambda t: t[:9] + b"\r" + t[9:],
    "header injection": lambda t: t + b"\r\nX-Other: 1",
    "wide characters": lambda t: t.decode().encode("utf-16"),
    "NUL at the end": lambda t: t + b"\0",
    "odd byte at the end": lambda t: t + b"\xff",
    "no-break space": lambda t: t + b"\xc2\xa0x",
    "escape sequence": lambda t: b"\x1b[31m" + t,
    "very long": lambda t: t * 200,
}
"""What is no token, but holds one: refused."""

FORGIVEN: Mapping[str, Callable[[bytes], bytes]] = {
    "no line end": lambda t: t,
    "line end": lambda t: t + b"\n",
    "carriage return and line end": lambda t: t + b"\r\n",
    "blanks around": lambda t: b" \t" + t + b" \n\n",
}
"""What is around a token without changing it: read all the same."""


# --- as scenarios ---------------------------------------------------------------------------------


def slip(name: str) -> Scenario:
    """The token in a wrong place of the configuration."""

    def play(trial: Trial) -> None:
        (trial.work.parent / "wrong.yaml").write_text(CONFIGS[name](trial.token))
        path = str(trial.work.parent / "wrong.yaml")
        for arguments in (("check",), ("check", "--json")):
            ran = trial.run("--config", path, *arguments)
            trial.expect(ran.code == 78, f"{name}: ended with {ran.code}: {ran.both[:300]}")

    return play


def wrong_file(name: str) -> Scenario:
    """A token's file with more in it than a token."""

    def play(trial: Trial) -> None:
        trial.keep_token(FILES[name](trial.token.encode()))
        trial.config("http://127.0.0.1:9/api/v1", api=f"  token_file: {trial.token_file}\n")
        trial.way = "credential"
        ran = trial.run("list")
        trial.expect(ran.code == 78, f"{name}: ended with {ran.code}: {ran.both[:300]}")

    return play


def forgiven_file(name: str) -> Scenario:
    """A token's file that is a little untidy: the token is sent, and nothing around it."""

    def play(trial: Trial) -> None:
        trial.way = "file"
        trial.keep_token(FORGIVEN[name](trial.token.encode()))
        with hostile.listening(hostile.Account(trial.token)) as api:
            trial.config(f"{api.origin}/api/v1")
            trial.run("list")
            sent = f"\r\nAuthorization: Bearer {trial.token}\r\n".encode()
            trial.expect(sent in api.everything, f"{name}: the token did not arrive")

    return play


def wrong_variables(trial: Trial) -> None:
    """The token in another variable than its own."""
    trial.way = "credential"  # the configuration names no file that would help out
    trial.config("http://127.0.0.1:9/api/v1")
    for variable, code in (("VPS_API_URL", 78), ("ROTATOR_CONFIG", 78), ("CREDENTIALS_DIRECTORY", 78)):
        ran = trial.run("list", **{variable: trial.token})
        trial.expect(ran.code == code, f"{variable}: ended with {ran.code}: {ran.both[:300]}")
