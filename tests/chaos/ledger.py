"""What the database says, read straight by SQL beside the product's own code; the checker judges it.

Works on both kinds of store by the URL of the configuration. SQL is written with ``%s`` for parameters.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import apsw
import pymysql
from pymysql.cursors import DictCursor

Row = dict[str, Any]


def query(url: str, sql: str, *parameters: object) -> list[Row]:
    """The rows that ``sql`` gives on the store at ``url``, by column name; a connection of its own each time."""
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:///")
        with closing(apsw.Connection(path)) as connection:
            connection.set_busy_timeout(30_000)
            connection.row_trace = _named
            return list(connection.execute(sql.replace("%s", "?"), parameters))
    with closing(_mariadb(url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall())


def _named(cursor: apsw.Cursor, values: tuple[Any, ...]) -> Row:
    return {name: value for (name, _), value in zip(cursor.get_description(), values, strict=True)}


def count(url: str, table: str, where: str = "1 = 1", *parameters: object) -> int:
    """How many rows of ``table`` fulfil ``where``."""
    return int(query(url, f"SELECT COUNT(*) AS n FROM {table} WHERE {where}", *parameters)[0]["n"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What became of one alert: a row of data_incident_communication with direction INBOUND."""

    guid: str
    status: str
    reason: str
    external_id: str | None = None
    alert_guid: str | None = None
    error: str | None = None
    raw: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One event, to be published or published: a row of data_incident_communication with direction OUTBOUND."""

    guid: str
    status: str
    incident_guid: str | None
    sequence: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """A row of data_alert."""

    guid: str
    fingerprint: str
    status: str
    count: int
    incident_guid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """A row of data_incident."""

    guid: str
    status: str
    key: str | None
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All that the checker looks at. ``links`` are (incident, alert); ``delivered`` the guids with an attempt that is SENT."""

    inbound: list[Inbound] = field(default_factory=list)
    outbound: list[Outbound] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    incidents: list[IncidentRow] = field(default_factory=list)
    links: set[tuple[str, str]] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)


def read_ledger(url: str) -> Ledger:
    """All of it, once the daemon is quiet."""
    communications = "SELECT * FROM data_incident_communication WHERE Direction = %s"
    return Ledger(
        inbound=[_inbound(row) for row in query(url, communications, "INBOUND")],
        outbound=[_outbound(row) for row in query(url, communications, "OUTBOUND")],
        alerts=[_alert(row) for row in query(url, "SELECT * FROM data_alert")],
        incidents=[_incident(row) for row in query(url, "SELECT * FROM data_incident")],
        links={(row["IncidentGuid"], row["AlertGuid"]) for row in query(url, "SELECT * FROM data_incident_alert")},
        delivered={row["CommunicationGuid"] for row in query(url, _DELIVERED)},
    )


_DELIVERED = "SELECT CommunicationGuid FROM data_incident_communication_attempt WHERE Status = 'SENT'"


def metadata(row: Row) -> dict[str, Any]:
    """A communication's Metadata."""
    return dict(json.loads(row["Metadata"] or "{}"))


def _mariadb(url: str) -> pymysql.Connection[DictCursor]:
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        database=parts.path.removeprefix("/"),
        autocommit=True,
        connect_timeout=5,
        cursorclass=DictCursor,
    )


def _inbound(row: Row) -> Inbound:
    return Inbound(
        guid=row["CommunicationGuid"],
        status=row["Status"],
        reason=metadata(row).get("reason", ""),
        external_id=row["ExternalId"],
        alert_guid=row["AlertGuid"],
        error=row["ErrorMessage"],
        raw=row["Raw"],
    )


def _outbound(row: Row) -> Outbound:
    return Outbound(
        guid=row["CommunicationGuid"],
        status=row["Status"],
        incident_guid=row["IncidentGuid"],
        sequence=row["Sequence"],
        error=row["ErrorMessage"],
    )


def _alert(row: Row) -> AlertRow:
    return AlertRow(
        guid=row["AlertGuid"],
        fingerprint=row["Fingerprint"],
        status=row["Status"],
        count=row["Count"],
        incident_guid=row["IncidentGuid"],
    )


def _incident(row: Row) -> IncidentRow:
    return IncidentRow(guid=row["IncidentGuid"], status=row["Status"], key=row["CorrelationKey"], sequence=row["Sequence"])
