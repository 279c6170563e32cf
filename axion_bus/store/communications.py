"""Statements on the audit stream: rows that came in, the outbox that the relay claims and settles, and its attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from sqlalchemy import bindparam, func, or_, select, update

from axion_bus.domain.communication import Channel, CommunicationStatus, Direction
from axion_bus.domain.delivery import AttemptStatus
from axion_bus.ports import Outgoing
from axion_bus.store.prepared import Prepared
from axion_bus.store.rows import insert_rows, is_given, select_rows, stored_json, stored_time
from axion_bus.store.schema import attempt, communication
from axion_bus.store.together import together

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.communication import Communication
    from axion_bus.ports import Settlement
    from axion_bus.store.together import Writer

BEHIND_ANOTHER = timedelta(milliseconds=200)
"""How long a row waits whose predecessor is leased to somebody else or waits for its next attempt."""

EXTERNAL_ID_CHARACTERS = 255

BY_KEY = "FORCE INDEX (PRIMARY)"
"""Else MariaDB reads a table whole that it still takes for a small one, and waits for each row that another has locked."""

_c = communication.c
_PENDING = CommunicationStatus.PENDING.value
_COLUMNS = tuple(column.name for column in _c if column.name != "Attempts")
_OVER = "-" * 64, "1970-01-01 00:00:00.000000"
"""The lease of a row that nobody has leased yet: over, and as long as any.

A row that grew would be moved inside its page by InnoDB, which then logs the page: 6 KB for each row, and before the log is full
everything stands still for a second.
"""
_NO_LEASE = None, None
_ATTEMPT = ("CommunicationGuid", "Number", "StartedAt", "FinishedAt", "Status", "ErrorMessage")
_SETTLED = {"Attempts": _c.Attempts + 1, "LeaseOwner": None, "LeaseUntil": None}
ACCEPTED = "accepted"
"""The kind of the rows of ``accepted_of``."""
accepted_of = (
    select_rows((_c.IngestKey, _c.AlertGuid), ACCEPTED)
    .with_hint(communication, "FORCE INDEX (uq_communication_ingest)", "mysql")
    .where(is_given(_c.IngestKey, "ingest_keys"))
    .with_for_update()  # so that it sees what was committed while the alerts were waited for
)
"""The rows under the ``ingest_keys``, each with its alert."""
_accepted = Prepared(accepted_of)
_outgoing = select_rows((_c.CommunicationGuid, _c.IncidentGuid, _c.Sequence, _c.Recipient, _c.Message, _c.Attempts, _c.Metadata))
_due = Prepared(
    _outgoing.where(_c.NextAttemptAt <= bindparam("now"), _c.Channel == bindparam("channel"), _c.Status == _PENDING)
    .where(or_(_c.LeaseUntil.is_(None), _c.LeaseUntil < bindparam("now")))
    .order_by(_c.NextAttemptAt, _c.CommunicationGuid)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_unsettled = Prepared(
    select(_c.IncidentGuid, func.min(_c.Sequence).label("first"))
    .where(is_given(_c.IncidentGuid), _c.NextAttemptAt.is_not(None), _c.Channel == bindparam("channel"))
    .where(_c.CommunicationGuid.not_in(bindparam("rows", expanding=True)))
    .group_by(_c.IncidentGuid)
)
_given = update(communication).with_hint(BY_KEY, communication, "mysql").where(is_given(_c.CommunicationGuid))
_lease = Prepared(_given.values(LeaseOwner=bindparam("owner"), LeaseUntil=bindparam("until")))
_given_back = Prepared(_given.where(_c.LeaseOwner == bindparam("giver")).values(LeaseOwner=None, LeaseUntil=None))
_known_as = Prepared(_given.values(ExternalId=bindparam("external_id")))
_wait = Prepared(_given.values(NextAttemptAt=bindparam("until")))
_sent = Prepared(_given.values(Status=CommunicationStatus.SENT.value, NextAttemptAt=None, ErrorMessage=None, **_SETTLED))


async def exists(connection: AsyncConnection, guid: str) -> bool:
    """Whether the row ``guid`` is there."""
    found = await connection.execute(select(_c.CommunicationGuid).where(_c.CommunicationGuid == guid))
    return found.first() is not None


async def accepted(connection: AsyncConnection, ingest_keys: Collection[str]) -> dict[str, str | None]:
    """Those of ``ingest_keys`` that are there already, each with its alert."""
    return {key: guid for _, key, guid in await _accepted.rows(connection, ingest_keys=sorted(ingest_keys))}


async def answer_to(connection: AsyncConnection, ingest_key: str) -> str | None:
    """The text of the answer to the command that was accepted under ``ingest_key``, if there was one."""
    asked = await connection.execute(select(_c.Metadata).where(_c.IngestKey == ingest_key))
    metadata = asked.scalar() or {}
    if "answer" in metadata:
        return stored_json(metadata["answer"])  # of a call, which was answered by its reply and not by a row
    if "response" not in metadata:
        return None
    found = await connection.execute(select(_c.Message).where(_c.CommunicationGuid == metadata["response"]))
    answer: str | None = found.scalar()
    return answer


async def add(connection: Writer, rows: Sequence[Communication]) -> None:
    """Append to the audit stream, in order; unique indexes refuse a second row of a (source, id) or reference."""
    await insert_rows(connection, communication, _COLUMNS, [_row(row) for row in rows])


async def claim(
    connection: AsyncConnection, channel: str, *, owner: str, now: datetime, lease_until: datetime, limit: int
) -> list[Outgoing]:
    """Lease what is due to ``owner``: of each incident the oldest unsettled rows, so that no event overtakes another."""
    while rows := await due_rows(connection, channel, now, limit):
        first = await _first_not_taken(connection, channel, rows)
        taken = [row for row in rows if not _is_behind(row, first)]
        await lease(connection, [row.guid for row in taken], owner, lease_until)
        behind = [row.guid for row in rows if _is_behind(row, first)]
        await _update(connection, _wait, behind, until=now + BEHIND_ANOTHER)
        if taken or len(rows) < limit:
            return taken
    return []


async def due_rows(connection: AsyncConnection, channel: str, now: datetime, limit: int) -> list[Outgoing]:
    """What is due on ``channel`` and leased to nobody, the longest first, locked."""
    return [_claimed(row) for row in await _due.rows(connection, channel=str(channel), now=now, limit=limit)]


def _is_behind(row: Outgoing, first: Mapping[str, int]) -> bool:
    if row.incident_guid is None or row.sequence is None:
        return False
    return row.sequence > first.get(row.incident_guid, row.sequence)


async def _first_not_taken(connection: AsyncConnection, channel: str, rows: Sequence[Outgoing]) -> dict[str, int]:
    """For each incident of ``rows``, the lowest sequence that is unsettled and not among them."""
    later = [row for row in rows if row.sequence != 1]  # nothing comes before an incident's first event
    incidents = sorted({row.incident_guid for row in later if row.incident_guid is not None})
    if not incidents:
        return {}
    taken = [row.guid for row in rows]
    unsettled = await _unsettled.execute(connection, given=incidents, channel=str(channel), rows=taken)
    return {} if unsettled is None else {row.IncidentGuid: row.first for row in unsettled if row.first is not None}


async def _update(connection: Writer, change: Prepared, guids: Sequence[str], **values: Any) -> None:
    await change.execute(connection, given=guids, **values)


async def settle(connection: AsyncConnection, settlements: Sequence[Settlement]) -> None:
    """Append the attempts; what was delivered is SENT, what was not waits for its next attempt or is FAILED."""
    async with together(connection) as writer:
        await insert_rows(writer, attempt, _ATTEMPT, [_attempt(each) for each in settlements])
        await _update(writer, _sent, sorted(each.guid for each in settlements if each.error is None))
    for each in settlements:
        if each.error is not None:
            await _postpone(connection, each)
        elif each.external_id is not None:
            await _update(connection, _known_as, [each.guid], external_id=each.external_id[:EXTERNAL_ID_CHARACTERS])


async def _postpone(connection: AsyncConnection, failed: Settlement) -> None:
    """Unless somebody else claimed the row meanwhile, our lease being over, and has settled it."""
    status = _PENDING if failed.next_attempt_at else CommunicationStatus.FAILED.value
    values = {"Status": status, "NextAttemptAt": failed.next_attempt_at, "ErrorMessage": failed.error}
    row = _c.CommunicationGuid == failed.guid, _c.Status == _PENDING, _c.Attempts < failed.attempt
    await connection.execute(update(communication).where(*row).values(**values, **_SETTLED))


async def lease(connection: AsyncConnection, guids: Collection[str], owner: str, until: datetime) -> None:
    """Give the rows ``guids`` to ``owner``."""
    await _update(connection, _lease, sorted(guids), owner=owner, until=until)


async def give_back(connection: AsyncConnection, guids: Collection[str], owner: str) -> None:
    """End the leases of ``owner`` on ``guids``."""
    await _update(connection, _given_back, sorted(guids), giver=owner)


async def fail_sent(connection: AsyncConnection, guid: str, error: str) -> bool:
    """Make ``guid`` FAILED if it is SENT; whether it was."""
    sent = _c.CommunicationGuid == guid, _c.Status == CommunicationStatus.SENT.value
    if (await connection.execute(select(_c.CommunicationGuid).where(*sent).with_for_update())).first() is None:
        return False
    failed = {"Status": CommunicationStatus.FAILED.value, "ErrorMessage": error}
    await connection.execute(update(communication).where(*sent).values(**failed))
    return True


async def release(connection: AsyncConnection, owner: str) -> None:
    """End the leases of ``owner`` on what is still unsettled."""
    unsettled = _c.Channel.in_([channel.value for channel in Channel]), _c.NextAttemptAt.is_not(None)  # as the index has them
    mine = update(communication).where(*unsettled, _c.LeaseOwner == owner)
    await connection.execute(mine.values(LeaseOwner=None, LeaseUntil=None))


async def abandon(connection: AsyncConnection, channel: str, why: str, before: datetime) -> int:
    """Make what is unsettled on ``channel`` since ``before`` FAILED; how many rows that were."""
    unsettled = _c.Channel == str(channel), _c.NextAttemptAt.is_not(None)  # as the index has them
    waiting = update(communication).where(*unsettled, _c.Timestamp < before)
    failed = {"Status": CommunicationStatus.FAILED.value, "ErrorMessage": why}
    found = await connection.execute(waiting.values(**failed, NextAttemptAt=None, LeaseOwner=None, LeaseUntil=None))
    return found.rowcount


def _claimed(columns: list[Any]) -> Outgoing:
    guid, incident_guid, sequence, recipient, message, attempts, metadata = columns
    return Outgoing(guid, incident_guid, sequence, recipient, message, attempts, from_json(metadata))


def attempt_status(each: Settlement) -> str:
    """The status of the attempt that ``each`` is about, as it is kept."""
    if each.error is None:
        return AttemptStatus.SENT.value
    return (AttemptStatus.AMBIGUOUS if each.is_ambiguous else AttemptStatus.FAILED).value


def _attempt(each: Settlement) -> tuple[Any, ...]:
    times = stored_time(each.started_at), stored_time(each.finished_at)
    return (each.guid, each.attempt, *times, attempt_status(each), each.error)


def _row(row: Communication) -> tuple[Any, ...]:
    is_waiting = row.direction is Direction.OUTBOUND and row.next_attempt_at is not None
    return (
        row.guid,
        row.incident_guid,
        row.alert_guid,
        row.short_ref,
        str(row.channel),
        row.direction.value,
        row.status.value,
        row.message,
        row.recipient,
        row.external_id,
        row.error_message,
        stored_time(row.timestamp),
        stored_json(row.metadata),
        row.ingest_key,
        row.raw,
        row.sequence,
        stored_time(row.next_attempt_at) if is_waiting else None,
        *(_OVER if is_waiting else _NO_LEASE),
    )
