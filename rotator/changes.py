"""What a configuration that came into force means: said before anything happens because of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from rotator.census import View, take_census
from rotator.deletes import kept_by_rules
from rotator.errors import ApiError
from rotator.models import Pair, Snapshot
from rotator.office import Office
from rotator.once import look_at
from rotator.report import timestamp
from rotator.settings import Settings

log = structlog.stdlib.get_logger()

Key = tuple[str, str]


async def tell_beyond(office: Office, changed: Sequence[Pair], old: Mapping[Key, Pair]) -> None:
    """A warning for each changed pair whose new rules would delete what the old ones would not."""
    try:
        with office.used():
            views = await look_at(office, changed)
    except ApiError:
        return  # the API is down; that is said elsewhere, and each rotation will say what it deletes
    for pair, snapshots in beyond(views, old):
        log.warning(
            "config.loaded",
            server_id=pair.server.id,
            server=pair.server.label,
            policy=pair.policy.name,
            would_delete=[s.name for s in snapshots],
        )


def beyond(views: Iterable[View], old: Mapping[Key, Pair]) -> list[tuple[Pair, tuple[Snapshot, ...]]]:
    """For each view's pair: snapshots that only its new rules let go, oldest first. `old` is by key."""
    found = ((view.pair, _beyond(view, old.get(view.pair.key))) for view in views)
    return [(pair, snapshots) for pair, snapshots in found if snapshots]


def _beyond(view: View, old: Pair | None) -> tuple[Snapshot, ...]:
    before = _let_go(replace(view, pair=old)) if old is not None else {}
    return tuple(s for key, s in _let_go(view).items() if key not in before)


def _let_go(view: View) -> dict[str, Snapshot]:
    census = take_census(view)
    kept = kept_by_rules(census)
    return {i.key: i.snapshot for i in census.own_ready if not kept[i.key] and i.deletable}


def tell_loaded(settings: Settings, next_fire: tuple[datetime, tuple[Pair, ...]] | None) -> None:
    """Log which configuration is in force, and what comes first."""
    log.info(
        "config.loaded",
        path=settings.path,
        base_url=settings.api.base_url,
        base_url_from=settings.api.base_url_source,
        servers=len(settings.servers),
        pairs=len(settings.pairs),
        warnings=[f"{w.line}:{w.column}: {w.path}: {w.message}" for w in settings.warnings],
    )
    if next_fire is not None:
        log.info("schedule.next", at=timestamp(next_fire[0]), pairs=len(next_fire[1]))
