"""The configuration: what it says that deserves a second look, and its secrets. That it is valid was seen when it was read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axion_bus.config.keys import dotted
from axion_bus.config.show import secrets
from axion_bus.doctor.finding import Finding, ok, unread, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axion_bus.config import Origin, Settings


async def examine(settings: Settings, origin: Origin) -> Sequence[Finding]:
    """Its warnings, and whether every secret can be read."""
    file = origin.file or "no file, built-in defaults"
    warnings = [warn("configuration", text, "change it, or leave it if it is meant") for text in settings.warnings()]
    return [ok("configuration", f"{file}: valid"), *warnings, *_secrets(settings)]


def _secrets(settings: Settings) -> Iterator[Finding]:
    every = list(secrets(settings))
    for path, secret in every:
        finding = unread("credentials", secret)
        if finding is not None:
            yield replace(finding, found=f"{dotted(path)}: {finding.found}")
    if all(secret.problem is None for _, secret in every):
        yield ok("credentials", f"{len(every)} named, all can be read")
