"""A call that returns one thing, which is looked at before it is believed: the other side may be anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, DbusRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.buses.dbus.link import Link

T = TypeVar("T")

_ODD = "org.freedesktop.DBus.Error.InvalidSignature"


async def ask(  # noqa: PLR0917 - as Link.call
    link: Link,
    kind: type[T],
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: Sequence[Any] = (),
    *,
    timeout_s: float = 5.0,
) -> T:
    """What the call returns. Raises as ``Link.call``, and DbusRefused if it is no ``kind``, or was too large to be read."""
    answer = await link.call(destination, path, interface, member, signature, body, timeout_s=timeout_s)
    match answer:
        case [kind() as value]:
            return value
    raise DbusRefused(_ODD, f"{destination} answered {member} with something else, or with too much")


async def owner_of(link: Link, name: str) -> str | None:
    """The unique name of who has ``name``; None: nobody."""
    try:
        return await ask(link, str, BUS_NAME, BUS_PATH, BUS_NAME, "GetNameOwner", "s", [name])
    except DbusRefused:
        return None
