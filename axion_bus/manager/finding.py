"""Finding what a person means: a whole guid, the beginning of one, or an incident's reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.domain import reference
from axion_bus.errors import NotFound, ValidationFailed
from axion_bus.store import chains, queries, silences

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

SHORTEST_PREFIX = 6
_NEAREST = 3


async def incident(connection: AsyncConnection, text: str) -> str:
    """The guid of the incident that ``text`` means.

    Raises:
        NotFound: none begins so, or the reference is of none; the message names the nearest.
        ValidationFailed: several begin so, or ``text`` is too short to tell.

    """
    wanted = text.strip()
    if not wanted:
        raise ValidationFailed([("incident_guid", "it is empty: write a guid, its beginning, or a reference")])
    if (short_ref := reference.canonical(wanted)) is not None:
        return await _of_reference(connection, short_ref)
    found = await queries.guids_like(connection, wanted, _NEAREST + 1)
    if wanted in found:
        return wanted
    if len(found) > 1:
        some = ", ".join(found[:_NEAREST])
        raise ValidationFailed([("incident_guid", f"several incidents start with {wanted}: {some} ...; write more of it")])
    if not found:
        near = await queries.nearest_guids(connection, wanted, _NEAREST)
        raise NotFound(f"no incident starts with {wanted}; nearest: {', '.join(near) or 'there is no incident yet'}")
    if len(wanted) < SHORTEST_PREFIX:
        raise ValidationFailed(
            [("incident_guid", f"{wanted} is too short: write at least {SHORTEST_PREFIX} characters of the guid")]
        )
    return found[0]


async def silence(connection: AsyncConnection, text: str) -> str:
    """The guid of the silence that ``text`` means. Raises as ``incident``."""
    wanted = text.strip()
    found = await silences.guids_like(connection, wanted, _NEAREST + 1) if wanted else []
    if wanted in found:
        return wanted
    if not found:
        raise NotFound(f"no silence starts with {wanted!r}; see: axion-bus silence list --all")
    if len(found) > 1:
        some = ", ".join(found[:_NEAREST])
        raise ValidationFailed([("silence_guid", f"several silences start with {wanted}: {some} ...; write more of it")])
    if len(wanted) < SHORTEST_PREFIX:
        raise ValidationFailed(
            [("silence_guid", f"{wanted} is too short: write at least {SHORTEST_PREFIX} characters of the guid")]
        )
    return found[0]


async def _of_reference(connection: AsyncConnection, short_ref: str) -> str:
    row = await queries.communication_row(connection, short_ref)
    if row is None or row["IncidentGuid"] is None:
        raise NotFound(f"no message has the reference {short_ref}" if row is None else f"message {short_ref} is about no incident")
    guid: str = row["IncidentGuid"]
    return guid


async def chain(connection: AsyncConnection, text: str) -> dict[str, Any]:
    """What led to a message and what it led to, or all of an incident. Raises NotFound, ValidationFailed."""
    short_ref = reference.canonical(text)
    if short_ref is None:
        return await chains.of_incident(connection, await incident(connection, text))
    found = await chains.of_message(connection, short_ref)
    if found is None:
        raise NotFound(f"no message has the reference {short_ref}; is its date right?")
    return found
