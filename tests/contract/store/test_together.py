"""Statements that find nothing, sent together: none, one or several come to the same, on both stores."""

from __future__ import annotations

import pytest

from axion_bus.store.together import together
from tests.contract.store.scenes import look

INSERT = "INSERT INTO data_ingest_slot (ClientId, Instance, BootId, Fence) VALUES ({})"
SLOTS = "SELECT ClientId, Fence FROM data_ingest_slot ORDER BY ClientId"


def a_slot(name):
    return name, "here", "boot", 1


@pytest.mark.parametrize("names", [[], ["first"], ["first", "second"], ["first", "second", "third"]])
async def test_all_of_them_are_executed_in_order(store, names):
    async def work(transaction):
        connection = transaction.connection
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        async with together(connection) as writer:
            for name in names:
                await writer.exec_driver_sql(INSERT.format(", ".join([mark] * 4)), [a_slot(name)])
                await writer.exec_driver_sql(f"UPDATE data_ingest_slot SET Fence = Fence + 1 WHERE ClientId = {mark}", (name,))

    await store.write(work)

    assert [(name, 2) for name in names] == await look(store, SLOTS)


async def test_one_alone_is_executed_too(store):
    async def work(transaction):
        mark = "?" if transaction.connection.dialect.name == "sqlite" else "%s"
        async with together(transaction.connection) as writer:
            await writer.exec_driver_sql(INSERT.format(", ".join([mark] * 4)), [a_slot("first"), a_slot("second")])

    await store.write(work)

    assert [("first", 1), ("second", 1)] == await look(store, SLOTS)


async def test_what_fails_before_their_end_leaves_nothing(store):
    async def work(transaction):
        mark = "?" if transaction.connection.dialect.name == "sqlite" else "%s"
        async with together(transaction.connection) as writer:
            await writer.exec_driver_sql(INSERT.format(", ".join([mark] * 4)), [a_slot("a")])
            raise KeyError("a bug of ours")

    with pytest.raises(KeyError):
        await store.write(work)

    assert [] == await look(store, SLOTS)
