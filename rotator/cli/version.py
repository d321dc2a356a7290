"""--version: rotator's own, and those of what it stands on, for a report of a defect."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from rotator import __version__

F = TypeVar("F", bound=Callable[..., Any])

MAIN = (
    "apscheduler",
    "cronsim",
    "httpx",
    "pydantic",
    "pyyaml",
    "filelock",
    "stamina",
    "starlette",
    "uvicorn",
)
"""The dependencies whose version can change what rotator does."""


def lines() -> Iterator[str]:
    """The first line is the program's; what is not installed is said to be missing."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # for --version only

    yield f"rotator, version {__version__}"
    yield f"  Python {platform.python_version()}, {platform.platform()}"
    for name in MAIN:
        try:
            yield f"  {name} {version(name)}"
        except PackageNotFoundError:
            yield f"  {name} is missing"


def _tell(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo("\n".join(lines()))
        ctx.exit()


def version_option(function: F) -> F:
    """Add `--version`."""
    text = "Show the versions of rotator and of its main dependencies, and exit."
    return click.option(
        "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell, help=text
    )(function)
