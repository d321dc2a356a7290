"""A bounded share of the fuzzing of what is read, and proof that it would notice."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random

import pytest

from campaigns import mangling, readers, seeds
from campaigns.configs import MOST_MEMORY
from rotator.config import parse
from rotator.errors import ConfigError, Fault

SEEDS = (*seeds.FIXED, seeds.fresh())
SMALL = b'policies:\n  nightly: {schedule: "0 3 * * *", keep: {last: 3}}\n'


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kind", "files"), [("config", 100), ("saved", 700), ("answer", 1500)])
def test_whatever_is_read_ends_as_it_may(kind: str, files: int, seed: int) -> None:
    assert readers.found_by(kind, seed, range(files)) == []


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_a_reading_process_stays_within_its_memory(seed: int) -> None:
    """Monsters among them; what it takes is counted by the kernel, and one that takes more dies."""
    command = [
        sys.executable,
        "-m",
        "campaigns.configs",
        "--kind",
        "config",
        "--worker",
        str(seed),
        "0",
        "50",
    ]
    child = subprocess.run(command, stdout=subprocess.PIPE, cwd=mangling.ROOT, check=True)
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    assert [line["number"] for line in lines] == list(range(50))
    assert max(line["peak"] for line in lines) <= MOST_MEMORY


def test_the_files_are_right_and_wrong_in_many_ways() -> None:
    files = [mangling.file(Random(number)) for number in range(150)]
    assert len(set(files)) > 140
    assert max(map(len, files)) > 100_000
    assert {readers.read_config(data) for data in files[:50]} == {"settings", "refused"}
    assert len(mangling.real_files()) > 20


# --- what it found --------------------------------------------------------------------------------


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "c.yaml", {}, readers.NOW)
    return [str(fault) for fault in caught.value.faults]


def test_a_schedule_as_long_as_a_book_is_refused_unread() -> None:
    ones = ",".join(["1"] * 100_000)
    text = f'policies:\n  p: {{schedule: "{ones} * * * *"}}\nservers: [{{id: 5, policies: [p]}}]\n'
    assert faults(text) == ["c.yaml:2:17: policies.p.schedule: should have at most 1000 characters"]


def test_a_policy_has_at_most_a_hundred_schedules() -> None:
    times = ", ".join(f'"{n % 60} {n // 60} * * *"' for n in range(101))
    text = f"policies:\n  p: {{schedule: [{times}]}}\nservers: [{{id: 5, policies: [p]}}]\n"
    assert faults(text) == ["c.yaml:2:17: policies.p.schedule: should have at most 100 entries"]


def test_a_server_has_at_most_a_hundred_policies() -> None:
    """Every two of them are compared: three thousand took seven seconds."""
    inline = ", ".join(f'{{name: p{n}, schedule: "@daily", keep: {{last: 1}}}}' for n in range(101))
    told = "c.yaml:1:29: servers[0].policies: a server can have at most 100 policies"
    assert told in faults(f"servers: [{{id: 5, policies: [{inline}]}}]\n")


def test_a_section_with_thousands_of_keys_is_told_as_one_fault() -> None:
    """Each of them took 60 µs and 2 kB to tell."""
    keys = "".join(f"  k{n}: 1\n" for n in range(3000))
    servers = "servers: [{id: 5, policies: [nightly]}]\n"
    assert faults(f"{SMALL.decode()}{servers}api:\n{keys}") == [
        "c.yaml:5:3: api: 3,000 keys stand here, and the ones that there are number 8"
    ]
    assert faults(
        "policies:\n  nightly:\n    schedule: '@daily'\n    keep:\n" + keys.replace("  ", "      ") + servers
    ) == ["c.yaml:5:7: policies.nightly.keep: 3,000 keys stand here, and the ones that there are number 12"]


def test_a_list_with_thousands_of_wrong_entries_is_told_as_one_fault() -> None:
    servers = f"servers: [{{id: 5, policies: [nightly], protect: [{', '.join(['1'] * 3000)}]}}]\n"
    assert faults(SMALL.decode() + servers) == [
        "c.yaml:3:49: servers[0].protect: should have at most 1,000 entries"
    ]


def test_of_a_hundred_thousand_faults_ten_thousand_are_told() -> None:
    told = faults(SMALL.decode() + "servers:\n" + "  - 1\n" * 20_000)
    assert len(told) == 10_002
    last = "more than 10,000 things are wrong: from here on the file was not looked at"
    assert told[-2] == f"c.yaml:10004:5: {last}"
    assert told[-1].startswith("c.yaml:10004:5: servers[10000]: should be a mapping")


@pytest.mark.parametrize(
    ("name", "shown"),
    [(r"a\e[31m", r"a\x1b[31m"), ("a\tb", r"a\tb"), (r"a\u202e", r"a\u202e"), (r"a\L", r"a\u2028")],
)
def test_a_name_that_would_move_the_cursor_is_spelled_out(name: str, shown: str) -> None:
    """Found by atheris: a name in the file stood in `did you mean …?`, and in the fit, as it was written."""
    told = faults(
        f'policies: {{"{name}": {{schedule: "@daily", keep: {{last: 6}}}}}}\n'
        f'servers: [{{id: 5, policies: ["{name}"]}}, {{id: 6, policies: [aa]}}]\n'
    )
    assert all(line.isprintable() for line in told)
    assert any(f"need 6 places ({shown} 6)" in line for line in told)


def test_ten_thousand_servers_are_read() -> None:
    lines = "".join(f"  - {{id: {n}, name: web-{n}, policies: [nightly]}}\n" for n in range(10_000))
    settings = parse(SMALL.decode() + "servers:\n" + lines, "c.yaml", {}, readers.NOW)
    assert len(settings.servers) == 10_000


# --- that it would notice ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("c.yaml", 0, 1, "", "x"), "no place"),
        (Fault("c.yaml", 1, 0, "", "x"), "no place"),
        (Fault("c.yaml", 9, 1, "", "x"), "behind the end"),
        (Fault("", 1, 1, "", "x"), "no file"),
        (Fault("c.yaml", 1, 1, "", " "), "no words"),
        (Fault("c.yaml", 1, 1, "", "a\nb"), "printable"),
    ],
)
def test_a_fault_without_place_or_words_is_noticed(
    fault: Fault, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConfigError((fault,))

    monkeypatch.setattr(readers, "load", refuse)
    with pytest.raises(readers.Finding, match=told):
        readers.read_config(b"a: 1\n")


def test_any_other_exception_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(readers, "load", fail)
    assert readers.found_by("config", 1, [7]) == ["config 7: RecursionError('too deep')"]
