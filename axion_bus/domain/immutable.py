"""``immutable``: the decorator of dataclasses of which an alert needs some, made by ten thousands a second.

To the type checker they are frozen dataclasses, and it is what keeps us from changing them. While the program runs, ``frozen``
would make each field a slow assignment: a tenth of all that an alert costs (docs/adr/0020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as immutable
else:
    from dataclasses import dataclass

    def immutable(*, frozen: bool, **options: Any) -> Any:
        """``dataclass`` with its other ``options``; as one that is frozen, its instances can be keys."""
        return dataclass(unsafe_hash=frozen, **options)


__all__ = ["immutable"]
