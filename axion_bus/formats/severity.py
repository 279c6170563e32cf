"""How bad others say it is, in our four words. The table is the field's; ``docs/formats.md`` shows it."""

from __future__ import annotations

from axion_bus.domain.alert import Severity

WORDS = {
    Severity.CRITICAL: ("critical", "crit", "fatal", "emergency", "emerg", "disaster", "p1", "5"),
    Severity.HIGH: ("high", "error", "err", "major", "alert", "p2", "4"),
    Severity.MEDIUM: ("medium", "warning", "warn", "average", "minor", "p3", "3", "2"),
    Severity.LOW: ("low", "info", "informational", "information", "notice", "debug", "ok", "unknown", "p4", "1", "0"),
}
"""In any case; the digits as numbers too."""

_KNOWN = {form: severity for severity, words in WORDS.items() for word in words for form in (word, word.upper())}
_OTEL = (Severity.LOW, Severity.LOW, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


def severity_of(value: str | float) -> Severity | None:
    """The severity that ``value`` stands for, or None."""
    text = str(value) if type(value) is not str else value
    return _KNOWN.get(text) or _KNOWN.get(text.strip().lower())


def severity_of_number(number: int) -> Severity | None:
    """The severity of an OpenTelemetry severity number, 1 to 24 in ranges of four, or None."""
    return _OTEL[(number - 1) // 4] if 1 <= number <= 24 else None
