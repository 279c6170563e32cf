"""G7, the store's part: a database that is away is told apart from everything else, and used again when it is back."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.errors import SchemaError, StoreUnavailable
from axion_bus.ports import Changes
from axion_bus.store.migrate import prepare, status
from axion_bus.store.sql import open_store
from tests.contract.store.scenes import a_message, a_record, claim, look, save
from tests.servers import MariaDb, TcpProxy

MESSAGES = "SELECT COUNT(*) FROM data_incident_communication"
ALERTS = "SELECT COUNT(*) FROM data_alert"


def through(proxy, url):
    """The ``url`` of a server as it is seen through ``proxy``."""
    head, _, database = url.rpartition("/")
    return f"{head.rpartition(':')[0]}:{proxy.port}/{database}"


@pytest.fixture(scope="module")
def killable(tmp_path_factory):
    """A server that is set up once for all who kill it."""
    with MariaDb(tmp_path_factory.mktemp("mariadb")) as opened:
        yield opened


@pytest.fixture
def server(killable):
    """A server that the test may kill, freeze, or shut the door of."""
    if not killable.is_running:
        killable.start()
    return killable


@pytest.fixture
async def own_store(server):
    """A store on that server."""
    async with open_store(server.fresh_database(), password=None, pool_size=3, timeout_s=5) as store:
        await prepare(store.engine)
        yield store


@pytest.fixture
def proxy(mariadb):
    with TcpProxy(mariadb.port) as opened:
        yield opened


async def test_a_killed_server_is_unavailable_and_used_again_when_it_is_back(own_store, server):
    await save(own_store, communications=[a_message()])
    await asyncio.gather(*(look(own_store, MESSAGES) for _ in range(3)))
    server.kill()

    for _ in range(4):  # more than there were connections
        with pytest.raises(StoreUnavailable, match="is the database running, and is \\[store\\] url right"):
            await save(own_store, communications=[a_message()])
    server.start()
    await asyncio.gather(*(save(own_store, communications=[a_message()]) for _ in range(4)))

    assert [(5,)] == await look(own_store, MESSAGES)


async def test_a_server_that_is_restarted_between_two_transactions_is_not_even_noticed(own_store, server):
    await asyncio.gather(*(look(own_store, MESSAGES) for _ in range(3)))

    await asyncio.to_thread(server.restart)

    assert [[(0,)]] * 3 == await asyncio.gather(*(look(own_store, MESSAGES) for _ in range(3)))


async def test_what_was_not_committed_when_the_server_was_killed_is_not_there(own_store, server):
    async def work(transaction):
        await transaction.save(Changes(new_alerts=[a_record()]))
        server.kill()
        await transaction.save(Changes(communications=[a_message()]))

    with pytest.raises(StoreUnavailable):
        await own_store.write(work)
    server.start()

    assert [(0,)] == await look(own_store, ALERTS)


async def test_every_method_says_that_the_server_is_away(own_store, server):
    server.kill()
    calls = [
        claim(own_store),
        own_store.release("me"),
        own_store.last_incident(),
        own_store.open_incidents("", "~", 1),
        own_store.summary(),
        own_store.cleared(["a"]),
        own_store.take_slot("a", "b", "c"),
        status(own_store.engine),
        prepare(own_store.engine),
    ]

    errors = await asyncio.gather(*calls, return_exceptions=True)

    assert [StoreUnavailable] * len(calls) == [type(error) for error in errors]


async def test_a_frozen_server_is_unavailable_in_time_and_used_again_when_it_goes_on(own_store, server):
    url = own_store.engine.url.set(drivername="mysql").render_as_string()
    async with open_store(url, password=None, pool_size=1, timeout_s=1) as store:
        await look(store, MESSAGES)
        server.pause()

        with pytest.raises(StoreUnavailable, match="gave no answer within 1 s"):
            await save(store, communications=[a_message()])

        server.resume()
        await save(store, communications=[a_message()])
        assert (await look(store, MESSAGES))[0][0] in {1, 2}  # of the first one nobody knows


async def test_a_connection_that_is_cut_within_a_transaction_is_told_of_and_replaced(empty_mariadb, proxy):
    async with open_store(through(proxy, empty_mariadb), password=None, pool_size=1, timeout_s=5) as store:

        async def work(transaction):
            await transaction.save(Changes(new_alerts=[a_record()]))
            proxy.cut()
            await transaction.save(Changes(communications=[a_message()]))

        with pytest.raises(StoreUnavailable):
            await store.write(work)
        await save(store, communications=[a_message()])

        assert ([(0,)], [(1,)]) == (await look(store, ALERTS), await look(store, MESSAGES))


async def test_a_connection_that_is_cut_behind_a_swallowed_error_is_still_told_of(empty_mariadb, proxy):
    async with open_store(through(proxy, empty_mariadb), password=None, pool_size=1, timeout_s=5) as store:

        async def work(transaction):
            proxy.cut()
            await asyncio.gather(transaction.save(Changes(new_alerts=[a_record()])), return_exceptions=True)
            await transaction.save(Changes(communications=[a_message()]))

        with pytest.raises(StoreUnavailable):
            await store.write(work)


async def test_a_commit_whose_answer_is_lost_is_unavailable(empty_mariadb, proxy):
    """Whether it went through is then looked up by whoever tries again (``has_communication``)."""
    async with open_store(through(proxy, empty_mariadb), password=None, pool_size=1, timeout_s=1) as store:
        message = a_message()

        async def work(transaction):
            await transaction.save(Changes(communications=[message]))
            proxy.freeze(upstream=False)

        with pytest.raises(StoreUnavailable):
            await store.write(work)
        proxy.thaw()
        proxy.cut()

        assert await store.write(lambda transaction: transaction.has_communication(message.guid))


async def test_a_server_that_lets_us_in_no_more_is_unavailable(own_store, server):
    with server.connect() as cursor:
        cursor.execute("ALTER USER axion@127.0.0.1 ACCOUNT LOCK")
        cursor.execute("KILL USER axion@127.0.0.1")

        with pytest.raises(StoreUnavailable):
            await look(own_store, ALERTS)

        cursor.execute("ALTER USER axion@127.0.0.1 ACCOUNT UNLOCK")
    assert [(0,)] == await look(own_store, ALERTS)


@pytest.mark.parametrize("wrong", ["nobody@", "axion@127.0.0.1:1/"])
async def test_a_wrong_user_or_port_is_unavailable_and_names_where(mariadb, wrong):
    good = mariadb.fresh_database()
    url = good.replace("axion@", wrong) if wrong == "nobody@" else f"mysql://{wrong}x"

    async with open_store(url, password="hunter2", pool_size=1, timeout_s=5) as store:
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as caught:
            await look(store, "SELECT 1")

    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_a_server_that_only_reads_for_now_is_unavailable(own_store, server):
    with server.connect() as cursor:
        cursor.execute("SET GLOBAL read_only = ON")
        with pytest.raises(StoreUnavailable):
            await save(own_store, communications=[a_message()])
        cursor.execute("SET GLOBAL read_only = OFF")

    await save(own_store, communications=[a_message()])


async def test_a_schema_is_not_mistaken_for_one_that_is_away(own_store):
    async with own_store.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(SchemaError):
        await prepare(own_store.engine)
