"""docs/schema.md is the schema: every table, every column with its type, and queries that run."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import mysql

from axion_bus.store.schema import metadata

DOCS = (Path(__file__).parents[2] / "docs/schema.md").read_text("utf-8")
TABLES = dict(re.findall(r"^## `([a-z_]+)`\n((?:.*\n)*?)(?=^## )", DOCS, re.MULTILINE))
QUERIES = DOCS.partition("```sql\n")[2].partition("```")[0].split(";")[:-1]


def rows(table):
    lines = [line for line in TABLES[table].splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def mark(column):
    return "key" if column.primary_key else "NULL" if column.nullable else ""


def test_every_table_is_described():
    assert set(metadata.tables) == set(TABLES)


@pytest.mark.parametrize("table", metadata.tables)
def test_every_column_is_described_with_its_type(table):
    columns = metadata.tables[table].columns
    expected = [(f"`{column.name}`", str(column.type.compile(dialect=mysql.dialect())), mark(column)) for column in columns]

    assert (expected, True) == ([tuple(row[:3]) for row in rows(table)], all(row[3] for row in rows(table)))


@pytest.mark.parametrize("table", metadata.tables)
def test_a_unique_index_that_is_named_is_one(table):
    unique = {index.name for index in metadata.tables[table].indexes if index.unique}

    assert set(re.findall(r"`(uq_\w+)`", TABLES[table])) <= unique


@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_run(query, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    metadata.create_all(engine)
    engine.dispose()
    with closing(apsw.Connection(f"{tmp_path}/empty.db")) as connection:
        found = connection.execute(query).fetchall()

    assert [] == found
