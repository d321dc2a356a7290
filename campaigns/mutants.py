"""Mutation testing: is each rule held by a test, so that no slip of the hand in it goes unseen?

Each mutant is one small wrong change to one of the modules that decide (`campaigns.mutations` makes them from
mutmut's operators). The tests that speak of the module are run against it. A mutant that they do not notice
has survived: either a test is missing, or the change changes nothing that is deleted, created, kept, named or
skipped. The survivors of the latter kind are listed in mutants.toml, each with its reason, and found again by
the text of the changed lines. Any other survivor is a finding.

Nothing on disk is changed: a copy of the tree is tested, and the mutant is put under its module's name by the
import system of a forked process.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import certifi
import pytest
from hypothesis import HealthCheck, Phase, settings

from campaigns import seeds
from campaigns.mutations import Change, Mutant, mutants
from campaigns.survivors import justified

ROOT = Path(__file__).parent.parent

_PLAN = ("test_plan", "test_plan_answer", "test_plan_blocked", "test_plan_prune", "test_plan_room")
_ROTATION = (
    "test_watched",
    "test_overtaken",
    "test_claims",
    "test_restoring",
    "test_restore",
    "test_surround",
    "test_rotation",
    "test_review",
    "test_daemon",
    "test_kill",
)

TESTS: dict[str, tuple[str, ...]] = {
    "retention": ("test_retention",),
    "plan": _PLAN,
    "naming": ("test_naming",),
    "cron": ("test_cron",),
    "rotation": _ROTATION,
    "endings": ("test_endings", *_ROTATION),
    "deletes": _PLAN,
    "census": ("test_census", *_PLAN),
    "occupants": _PLAN,
    "due": ("test_due", "test_daemon"),
    "creation": ("test_creation", *_ROTATION),
}
"""Which tests speak of which module, the quick ones first: the first that fails settles a mutant."""

PROFILE = "mutants"
"""The settings of hypothesis: of each property the same examples every time, as many as its test asks for."""

PLUGINS = ("pytest_asyncio.plugin", "_hypothesis_pytestplugin")
"""The plugins of pytest that these tests use."""

UNREACHED = 99
"""How a process ends whose tests never imported the module: nothing was tested."""


# --- one mutant, one process ------------------------------------------------------------------------


class _Impostor(MetaPathFinder, InspectLoader):
    """Answers for one module's name with another text."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name, self._path, self._source = name, path, source
        self.asked = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def get_source(self, fullname: str) -> str:
        return self._source

    def get_code(self, fullname: str) -> CodeType:
        self.asked = True
        return compile(self._source, self._path, "exec")


def _test(module: str, source: str, tests: Iterable[str]) -> int:
    """Run the tests against the text in this very process; pytest's exit code, or UNREACHED."""
    settings.register_profile(
        PROFILE,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no kill
        phases=[Phase.explicit, Phase.generate],  # seen is enough: no smaller example is sought
    )
    impostor = _Impostor(f"rotator.{module}", Path("rotator", f"{module}.py").absolute(), source)
    sys.meta_path.insert(0, impostor)
    files = [f"tests/{name}.py" for name in tests]
    options = ["-x", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", f"--hypothesis-profile={PROFILE}"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # loading those that no test needs takes longest
    options += [f"-p{plugin}" for plugin in PLUGINS]
    code = int(pytest.main([*options, *files]))
    assert settings.get_current_profile_name() == PROFILE, "the tests chose examples of their own"
    return code if impostor.asked else UNREACHED


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a process may take, in seconds of the processor and of the clock."""

    cpu: int
    wall: int


def _fork(work: Callable[[], int], limits: Limits | None = None, show: bool = False) -> int:
    """Do the work in a process of its own, silent, and end it with the work's answer; its process id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        if not show:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu))
            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
            signal.alarm(limits.wall)
        code = work()
    except BaseException:  # a mutant that breaks the test run itself is noticed, too
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)


# --- all mutants of a module ------------------------------------------------------------------------


def baseline(module: str, source: str, tests: Sequence[str]) -> Limits:
    """Test the true text, and allow mutants a multiple of its time. SystemExit if its tests do not pass."""
    _, status, usage = os.wait4(_fork(lambda: _test(module, source, tests)), 0)
    if status:
        os.waitpid(_fork(lambda: _test(module, source, tests), show=True), 0)
        raise SystemExit(f"{module}: its tests do not pass as it is, or never import it")
    spent = usage.ru_utime + usage.ru_stime
    return Limits(cpu=int(10 + 4 * spent), wall=int(30 + 3 * spent))


def run(
    module: str, chosen: Sequence[Mutant], tests: Sequence[str], jobs: int
) -> Iterator[tuple[Mutant, str]]:
    """What became of each mutant: killed, survived or timeout, as they end."""
    limits = baseline(module, Path("rotator", f"{module}.py").read_text(), tests)
    waiting, running = list(reversed(chosen)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[_fork(partial(_test, module, mutant.source, tests), limits)] = mutant
        pid, status = os.wait()
        if pid in running:
            yield running.pop(pid), _fate(status)


def _fate(status: int) -> str:
    if os.WIFSIGNALED(status):
        return "timeout"
    return "survived" if os.WEXITSTATUS(status) == 0 else "killed"


def warm_up() -> None:
    """Import what takes long and is not under test, once for all the processes to come."""
    for name in ("pytest", "hypothesis.strategies", *PLUGINS):
        importlib.import_module(name)
    for name in ("httpx", "stamina", "structlog", "starlette.applications", "uvicorn", "cronsim", "filelock"):
        importlib.import_module(name)
    gc.freeze()


# --- the command ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; 1 if a mutant survived that is not justified, or an entry of the list is idle."""
    asked = _arguments(arguments)
    seed = seeds.begin(asked.seed) if asked.sample is not None else 0
    warm_up()
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        _copy_to(Path(scratch))
        try:
            totals = [_campaign(module, asked, seed) for module in asked.modules or TESTS]
        finally:
            os.chdir(ROOT)
    total = sum(totals, Counter[str]())
    print(_figures("all", total))
    return 1 if total["survived"] or total["idle"] else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m campaigns.mutants",
        description="Change one thing in a module that decides, and see whether a test notices.",
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)} (default: all)")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many mutants of each module")
    parser.add_argument("--only", nargs="+", metavar="KEY", help="only the mutants with these keys")
    parser.add_argument("--tests", nargs="+", metavar="NAME", help="other tests than those in the table")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: %(default)s)")
    seeds.add_option(parser)
    asked = parser.parse_args(arguments)
    unknown = set(asked.modules) - set(TESTS)
    if unknown:
        parser.error(f"there are no tests chosen for {', '.join(sorted(unknown))}")
    return asked


def _copy_to(scratch: Path) -> None:
    """Work on a copy of the tree from here on: others may be writing in this one."""
    for name in ("rotator", "tests", "campaigns"):
        shutil.copytree(ROOT / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "config.example.yaml"):
        shutil.copy(ROOT / name, scratch / name)
    end = "-----END CERTIFICATE-----\n"
    first, _, _ = Path(certifi.where()).read_text().partition(end)
    authority = scratch / "authority.pem"  # no test here speaks TLS, and reading all of them takes long
    authority.write_text(first + end)
    os.environ["SSL_CERT_FILE"] = str(authority)
    os.chdir(scratch)
    sys.path.insert(0, str(scratch))


def _campaign(module: str, asked: argparse.Namespace, seed: int) -> Counter[str]:
    source = Path("rotator", f"{module}.py").read_text()
    chosen = mutants(module, source, _sampler(asked.sample, seed))
    if asked.only:
        chosen = [mutant for mutant in chosen if mutant.key in asked.only]
    idle = [entry for entry in justified() if entry.module == module]
    harmless = tuple(idle)
    counts: Counter[str] = Counter()
    for mutant, fate in run(module, chosen, asked.tests or TESTS[module], asked.jobs):
        reasons = [entry for entry in harmless if fate == "survived" and entry.covers(mutant)]
        idle = [entry for entry in idle if entry not in reasons]
        counts["justified" if reasons else fate] += 1
        if asked.only or (fate != "killed" and not reasons):
            print(f"{fate} {module}.{mutant.function}\n  - {mutant.before}\n  + {mutant.after}")
            print(f"  again: python -m campaigns.mutants {module} --only {mutant.key}", flush=True)
    if not (asked.only or asked.sample or asked.tests):
        counts["idle"] = len(idle)
        for entry in idle:
            print(f"idle in mutants.toml, nothing survives there: {module}.{entry.function}: {entry.before}")
    print(_figures(module, counts), flush=True)
    return counts


def _sampler(size: int | None, seed: int) -> Callable[[list[Change]], list[Change]] | None:
    if size is None:
        return None
    return lambda changes: random.Random(seed).sample(changes, min(size, len(changes)))


def _figures(name: str, counts: Counter[str]) -> str:
    """A line of figures; a mutant that never ends is as good as killed, a justified one no mutant at all."""
    caught = counts["killed"] + counts["timeout"]
    at_stake = caught + counts["survived"]
    score = f"{100 * caught / at_stake:.1f} %" if at_stake else "-"
    listed = ", ".join(f"{counts[fate]} {fate}" for fate in ("killed", "timeout", "justified", "survived"))
    return f"{name}: {at_stake + counts['justified']} mutants: {listed}; score {score}"


if __name__ == "__main__":
    sys.exit(main())
