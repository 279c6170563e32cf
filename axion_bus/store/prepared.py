"""Statements that are asked with every alert, built once for each kind of database.

SQLAlchemy prepares a statement's parameters anew each time: 0.1 ms, and 4 us more for each value of an IN. Here its text is kept in
pieces, and values go to the driver in the form that both databases keep. Used by the modules of the tables.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from axion_bus.store.rows import mark, stored_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CursorResult, Dialect, Select, Update
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.store.together import Writer

_LIST = re.compile(r"__\[POSTCOMPILE_(\w+)\]")
"""How SQLAlchemy writes the place of a list (its documentation of expanding parameters) in a text that is not executed yet."""

_AS_ONE = "SELECT '[' || coalesce(group_concat(found), '') || ']' FROM ({})"


class Prepared:
    """A statement; or several SELECTs that are asked as one, without an order of their rows.

    A SELECT one of whose lists is empty finds nothing, and is left out.
    """

    def __init__(self, *parts: Select[Any] | Update) -> None:
        self._parts = parts
        self._texts: dict[str, list[_Text]] = {}

    async def rows(self, connection: AsyncConnection, **values: Any) -> list[list[Any]]:
        """The rows that SELECTs made by ``rows.select_rows`` find."""
        asked = self._asked(connection.dialect, values)
        if asked is None:
            return []
        sql, given = asked
        if connection.dialect.name == "sqlite":
            # as one text: SQLite's thread needs the interpreter's lock for each row, and the loop has enough to do meanwhile
            found = await connection.exec_driver_sql(_AS_ONE.format(sql), given)
            rows: list[list[Any]] = from_json(found.scalar_one())
            return rows
        return [from_json(text) for text in (await connection.exec_driver_sql(sql, given)).scalars()]

    async def execute(self, connection: Writer, **values: Any) -> CursorResult[Any] | None:
        """Execute it with ``values``, by name; None: nothing was to be asked."""
        asked = self._asked(connection.dialect, values)
        return None if asked is None else await connection.exec_driver_sql(*asked)

    def _asked(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]] | None:
        """The statement for the driver, and its values; None: nothing is to be asked."""
        texts = self._texts.get(dialect.name)
        if texts is None:
            texts = self._texts[dialect.name] = [_Text(part, dialect) for part in self._parts]
        asked = [each for each in texts if all(values[name] for name in each.lists)]
        if not asked:
            return None
        written = [each.written(values) for each in asked]
        if len(written) > 1 and dialect.name == "mysql":
            written = [f"({text})" for text in written]  # each has a FOR UPDATE of its own; SQLite knows neither
        return " UNION ALL ".join(written), tuple(value for each in asked for value in each.given(values))


class _Text:
    """One SELECT or UPDATE as ``dialect`` has it; ``lists`` are its parameters that are lists."""

    def __init__(self, statement: Select[Any] | Update, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self._pieces = _LIST.split(compiled.string)  # every second one is the name of a list
        self.lists = self._pieces[1::2]
        self._names: list[str] = compiled.positiontup
        self._constants: Mapping[str, Any] = compiled.params
        self._mark = mark(dialect)

    def written(self, values: Mapping[str, Any]) -> str:
        pieces = self._pieces.copy()
        for place, name in enumerate(self.lists):
            pieces[2 * place + 1] = ", ".join([self._mark] * len(values[name]))
        return "".join(pieces)

    def given(self, values: Mapping[str, Any]) -> list[Any]:
        given: list[Any] = []
        for name in self._names:
            value = values[name] if name in values else self._constants[name]
            if name in self.lists:
                given += value
            else:
                given.append(stored_time(value) if isinstance(value, datetime) else value)
        return given
