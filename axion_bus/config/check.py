"""What only a look at the secrets can tell: that each one can be read. For ``check-config`` and ``run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.config.faults import Fault, config_error
from axion_bus.config.keys import dotted
from axion_bus.config.show import secrets

if TYPE_CHECKING:
    from axion_bus.config.keys import KeyPath
    from axion_bus.config.loading import Origin
    from axion_bus.config.secret import Secret
    from axion_bus.config.settings import Settings


def check_secrets(settings: Settings, origin: Origin) -> list[str]:
    """Refuse secrets that cannot be read; a warning for each that systemd would have to hand over and did not.

    Raises:
        ConfigError: one line for each that cannot be read.

    """
    unread = _unread(settings)
    _refuse([item for item in unread if not item[1].needs_systemd], origin)
    return [f"{dotted(path)}: {secret} was not checked: {secret.problem}" for path, secret in unread]


def require_secrets(settings: Settings, origin: Origin, *, every: bool = False) -> None:
    """Refuse to go on without the secrets of database and broker, or without ``every`` one, whatever keeps them from being read.

    Raises:
        ConfigError: one line for each that cannot be read.

    """
    _refuse([item for item in _unread(settings) if every or item[0][0] in ("store", "mqtt")], origin)


def _unread(settings: Settings) -> list[tuple[KeyPath, Secret]]:
    return [(path, secret) for path, secret in secrets(settings) if secret.problem]


def _refuse(unread: list[tuple[KeyPath, Secret]], origin: Origin) -> None:
    if unread:
        raise config_error(
            Fault(origin.of(path), dotted(path), f"{secret} cannot be read: {secret.problem}") for path, secret in unread
        )
