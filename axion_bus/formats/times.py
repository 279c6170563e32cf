"""When it happened, as others write it. A time that cannot be trusted is worse than none: alerts would be out of order."""

from __future__ import annotations

from datetime import UTC, datetime

_FIRST, _LAST = 2000, 2099
_FIRST_S = datetime(_FIRST, 1, 1, tzinfo=UTC).timestamp()
_LAST_S = datetime(_LAST, 12, 31, tzinfo=UTC).timestamp()
_ABSURD = f"is not between {_FIRST} and {_LAST}"


def moment(value: str | float) -> datetime:
    """``value`` in UTC: RFC 3339 with its offset, or seconds since 1970. Raises ValueError that says why it is neither."""
    if not isinstance(value, str):
        if not _FIRST_S <= value <= _LAST_S:
            raise ValueError(f"{_ABSURD}, in seconds since 1970")
        return datetime.fromtimestamp(value, UTC)
    time = _parse(value)
    if time.tzinfo is None:
        raise ValueError("has no offset (Z or +01:00)")
    if not _FIRST <= time.year <= _LAST:
        raise ValueError(_ABSURD)
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def _parse(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.upper())  # RFC 3339 allows a small t and z
    except ValueError:
        raise ValueError("is not a time of RFC 3339") from None
