"""Statements on ``data_ingest_slot``: what is known of the broker's session of each MQTT client id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from axion_bus.ports import Slot
from axion_bus.store.schema import ingest_slot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_c = ingest_slot.c


async def take(connection: AsyncConnection, client_id: str, instance: str, boot_id: str) -> Slot:
    """The slot of ``client_id``, now ``instance``'s; its fencing number rises."""
    row = (await connection.execute(select(ingest_slot).where(_c.ClientId == client_id).with_for_update())).first()
    owner = {"Instance": instance, "BootId": boot_id}
    if row is None:
        await connection.execute(insert(ingest_slot), [{"ClientId": client_id, "Fence": 1, **owner}])
        return Slot(client_id=client_id)
    await connection.execute(update(ingest_slot).where(_c.ClientId == client_id).values(Fence=row.Fence + 1, **owner))
    return Slot(
        client_id=client_id,
        subscribed_at=row.SubscribedAt,
        connecting_since=row.ConnectingSince,
        filters=tuple(row.Filters or ()),
        broker_dropped=row.BrokerDropped,
    )


async def save(connection: AsyncConnection, slot: Slot) -> None:
    """Remember what the broker told last."""
    known = {
        "SubscribedAt": slot.subscribed_at,
        "ConnectingSince": slot.connecting_since,
        "Filters": list(slot.filters),
        "BrokerDropped": slot.broker_dropped,
    }
    await connection.execute(update(ingest_slot).where(_c.ClientId == slot.client_id).values(**known))
