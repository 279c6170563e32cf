"""Reading messages in tests: a decoder by its name, a context with a source behind it, and what came of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.domain.alert import Alert, Severity
from axion_bus.formats import Context, FormatName, Malformed, decoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.communication import Fault
    from axion_bus.formats import Element


def a_context(**changes: Any) -> Context:
    """The context of a message on ``axion/alerts/web/api``."""
    known: dict[str, Any] = {"topic": "axion/alerts/web/api", "source": "web", "package": "api", "severity": Severity.MEDIUM}
    return Context(**known | changes)


def elements(format_: str, body: bytes | str, *, mapping: Mapping[str, str] | None = None, **changes: Any) -> list[Element]:
    """What ``body`` is when it is read as ``format_``."""
    data = body.encode() if isinstance(body, str) else body
    return decoder(FormatName(format_), mapping)(data, a_context(**changes))


def an_alert(format_: str, body: bytes | str, **changes: Any) -> Alert:
    """The one alert that ``body`` is."""
    (element,) = elements(format_, body, **changes)
    assert isinstance(element.content, Alert), element.content
    return element.content


def a_fault(format_: str, body: bytes | str, **changes: Any) -> tuple[Fault, str]:
    """Why ``body`` is no alert, and where."""
    (element,) = elements(format_, body, **changes)
    assert isinstance(element.content, Malformed), element.content
    return element.content.fault, element.content.place
