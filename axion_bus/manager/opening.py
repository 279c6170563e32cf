"""Opening and closing an incident manager: its configuration is read and its database opened on entry."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from axion_bus.config import Settings, load
from axion_bus.errors import AxionError
from axion_bus.manager.session import Session, opened


class Opening:
    """The life of AsyncIncidentManager. ``config`` is a file's path, settings, or None: the file that a daemon uses."""

    def __init__(self, config: Path | str | Settings | None = None) -> None:
        self._config = config
        self._stack: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        """Open the database.

        Raises:
            ConfigError: the configuration cannot be used.
            SchemaError: the database's schema does not fit this program.

        """
        settings = self._config if isinstance(self._config, Settings) else load(Path(self._config) if self._config else None)
        async with AsyncExitStack() as stack:
            self._session = await stack.enter_async_context(opened(settings))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the database's connections."""
        if self._stack is not None:
            await self._stack.aclose()
            self._stack = None

    @property
    def _open(self) -> Session:
        if self._stack is None:
            raise AxionError("the incident manager is not open: use it as 'async with AsyncIncidentManager() as manager:'")
        return self._session
