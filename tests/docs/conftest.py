"""The sandboxes that the pages' sessions see: those of the command line's tests."""

from __future__ import annotations

from tests.cli.conftest import sandboxes

__all__ = ["sandboxes"]
