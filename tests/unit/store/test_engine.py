"""What an engine is made of, and what each error of a driver means: away, lost a race, or refused."""

from __future__ import annotations

import sqlite3

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from axion_bus.errors import StoreConflict, StoreRefused, StoreUnavailable
from axion_bus.store.engine import make_engine, retried, translate

MARIADB = make_engine("mysql://axion@db.example:3306/axion", password="hunter2")
SQLITE = make_engine("sqlite:////var/lib/axion-bus/axion-bus.db")


def mysql_error(code, kind=pymysql.err.OperationalError):
    original = kind(code, "said the server")
    return DBAPIError.instance("INSERT", {}, original, pymysql.err.Error)


def sqlite_error(code, text="said SQLite", kind=sqlite3.OperationalError):
    original = kind(text)
    original.sqlite_errorcode = code
    return DBAPIError.instance("INSERT", {}, original, sqlite3.Error)


@pytest.mark.parametrize("code", [1213, 1205, 1020, 1062, 1412])
def test_a_lost_race_on_a_server_is_a_conflict(code):
    assert isinstance(translate(mysql_error(code), MARIADB), StoreConflict)


@pytest.mark.parametrize("code", [2002, 2003, 2006, 2013, 2055, 1040, 1053, 1927, 1047, 3024, 1969])
def test_a_server_that_is_away_or_going_is_unavailable(code):
    assert isinstance(translate(mysql_error(code), MARIADB), StoreUnavailable)


@pytest.mark.parametrize("code", [1021, 1026, 1030, 1114, 1290, 1836, 3])
def test_a_server_that_cannot_write_for_now_is_unavailable(code):
    assert isinstance(translate(mysql_error(code), MARIADB), StoreUnavailable)


@pytest.mark.parametrize("code", [1044, 1045, 1049, 1142, 1146])
def test_a_server_on_which_nothing_may_be_done_is_unavailable(code):
    assert isinstance(translate(mysql_error(code), MARIADB), StoreUnavailable)


@pytest.mark.parametrize("code", [1048, 1264, 1366, 1406, 1452, 3140, 4025])
def test_a_server_that_does_not_take_the_data_refuses_it(code):
    assert isinstance(translate(mysql_error(code, pymysql.err.DataError), MARIADB), StoreRefused)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_BUSY_SNAPSHOT,
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    ],
)
def test_a_lost_race_on_a_file_is_a_conflict(code):
    assert isinstance(translate(sqlite_error(code), SQLITE), StoreConflict)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_READONLY_DBMOVED,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
    ],
)
def test_a_file_that_cannot_be_used_is_unavailable(code):
    assert isinstance(translate(sqlite_error(code), SQLITE), StoreUnavailable)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_CONSTRAINT_NOTNULL,
        sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_ERROR,
    ],
)
def test_a_file_that_does_not_take_the_data_refuses_it(code):
    assert isinstance(translate(sqlite_error(code, kind=sqlite3.IntegrityError), SQLITE), StoreRefused)


def test_an_error_of_the_sqlite_module_itself_is_a_refusal():
    error = DBAPIError.instance("INSERT", {}, sqlite3.ProgrammingError("type 'Foo' is not supported"), sqlite3.Error)

    assert isinstance(translate(error, SQLITE), StoreRefused)


@pytest.mark.parametrize(
    "error",
    [PoolTimeoutError("no connection"), PendingRollbackError("lost"), ConnectionResetError(104, "reset"), OSError(5, "I/O error")],
)
def test_no_connection_is_unavailable(error):
    assert isinstance(translate(error, MARIADB), StoreUnavailable)


def test_an_error_that_cost_the_connection_is_unavailable_whatever_its_code():
    error = DBAPIError.instance("INSERT", {}, pymysql.err.OperationalError(1, "?"), pymysql.err.Error, connection_invalidated=True)

    assert isinstance(translate(error, MARIADB), StoreUnavailable)


def test_an_error_says_where_and_what_and_no_secret():
    text = str(translate(mysql_error(2003), MARIADB))

    assert "db.example:3306/axion" in text
    assert "said the server" in text
    assert "hunter2" not in text


async def test_a_conflict_is_tried_again_until_it_works():
    tries = []

    async def attempt():
        tries.append(1)
        if len(tries) < 3:
            raise StoreConflict("lost")
        return "done"

    assert ("done", 3) == (await retried(attempt), len(tries))


@pytest.mark.parametrize("error", [StoreUnavailable, StoreRefused, ValueError])
async def test_any_other_error_is_not_tried_again(error):
    tries = []

    async def attempt():
        tries.append(1)
        raise error("no")

    with pytest.raises(error):
        await retried(attempt)
    assert 1 == len(tries)
