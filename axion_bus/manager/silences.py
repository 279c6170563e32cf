"""The verbs about silences, each inside a transaction, as those of ``verbs``; and what callers see of a silence.

What a silence does to alerts is ``domain.correlation``'s and the pipeline's matter: any daemon sees it with the next batch.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from axion_bus.domain.noise import Silence, SilenceState
from axion_bus.errors import Conflict, NotFound, ValidationFailed
from axion_bus.ports import Changes
from axion_bus.store import silences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.manager import arguments as a
    from axion_bus.manager.verbs import Work

Row = dict[str, Any]


async def add_silence(work: Work, given: a.AddSilence) -> Silence:
    """Silence what matches, or change the silence that has the guid that is given; one that has ended begins again.

    Raises:
        ValidationFailed: it would have ended already, or ends before it starts.

    """
    starts_at = given.starts_at or work.now
    ends_at = starts_at + given.ends_at if isinstance(given.ends_at, timedelta) else given.ends_at
    if ends_at <= max(starts_at, work.now):
        raise ValidationFailed([("ends_at", f"{ends_at.isoformat()} is over already, or not after starts_at: it silences nothing")])
    guid = given.silence_guid or work.outbox.new_guid(work.now)
    before = await work.transaction.silences_by_guid([guid])
    silence = Silence(
        guid=guid,
        matchers=given.match,
        starts_at=starts_at,
        ends_at=ends_at,
        comment=given.comment,
        created_by=given.created_by,
        created_at=(before[0].created_at if before else None) or work.now,
    )
    await work.transaction.save(Changes(silences=[silence]))
    return silence


async def expire_silence(work: Work, given: a.ExpireSilence) -> Silence | None:
    """End a silence now; one that has ended stays as it is. None: there is none, and it need not exist.

    Raises:
        NotFound: there is none.
        Conflict: somebody wrote it by hand, and it cannot be read.

    """
    found = await work.transaction.silences_by_guid([given.silence_guid])
    if not found:
        if given.must_exist:
            raise NotFound(f"there is no silence {given.silence_guid}; those of the configuration are ended there")
        return None
    silence = found[0]
    if silence.fault is not None:
        raise Conflict(f"silence {silence.guid} cannot be read and silences nothing: {silence.fault}; mend its row, or delete it")
    if silence.state(work.now) is SilenceState.EXPIRED:
        return silence
    starts_at = min(silence.starts_at or work.now, work.now)
    ended = replace(silence, starts_at=starts_at, ends_at=work.now, expired_by=given.expired_by)
    await work.transaction.save(Changes(silences=[ended]))
    return ended


async def listed(work: Work, given: a.ListSilences, standing: Sequence[Silence] = ()) -> list[Row]:
    """The silences, the newest first, those of the configuration before them; only with ``expired`` those that have ended."""
    ends_after = None if given.expired else work.now
    stored = await work.transaction.ask(lambda connection: silences.newest(connection, ends_after, given.limit))
    ours = [each for each in standing if given.expired or each.state(work.now) is not SilenceState.EXPIRED]
    return [silence_view(each, work.now) for each in (*ours, *stored)][: given.limit]


def silence_view(silence: Silence, now: datetime) -> Row:
    """A row of ``def_silence``, and where it stands; FAULTY, with a ``Fault``: it was written by hand and silences nothing."""
    return {
        "SilenceGuid": silence.guid,
        "State": silence.state(now).value if silence.fault is None else "FAULTY",
        "Matchers": [matcher.text for matcher in silence.matchers],
        "StartsAt": silence.starts_at,
        "EndsAt": silence.ends_at,
        "Comment": silence.comment,
        "CreatedBy": silence.created_by,
        "CreatedAt": silence.created_at,
        "ExpiredBy": silence.expired_by,
        "Fault": silence.fault,
    }
