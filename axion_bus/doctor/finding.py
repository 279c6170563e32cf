"""What a check found, and the limit within which it has to find it. All groups of checks share this, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from axion_bus.config.secret import Secret

LIMIT_S = 8.0
"""How long one check may take."""


class Verdict(StrEnum):
    """OK; WARN: it works, and a promise or a habit is at stake; FAIL: something that the daemon needs does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``check`` names what was looked at: ``broker.queue``. ``repair`` is the sentence that repairs it, empty where all is well."""

    check: str
    verdict: Verdict
    found: str
    repair: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, verdict=Verdict.OK, found=found)


def warn(check: str, found: str, repair: str) -> Finding:
    """It works, but ..."""
    return Finding(check=check, verdict=Verdict.WARN, found=found, repair=repair)


def fail(check: str, found: str, repair: str) -> Finding:
    """It does not work."""
    return Finding(check=check, verdict=Verdict.FAIL, found=found, repair=repair)


def unread(check: str, secret: Secret | None) -> Finding | None:
    """Why ``check`` cannot be made: its ``secret`` cannot be read. None: it can, or there is none."""
    if secret is None or secret.problem is None:
        return None
    text = f"{secret} cannot be read: {secret.problem}"
    if secret.needs_systemd:
        return warn(check, text, "run the doctor as root, who may look into /etc/axion-bus/credentials")
    return fail(check, text, "write the secret to where the configuration says that it is")


async def limited(check: str, work: Awaitable[Finding], repair: str, limit_s: float = LIMIT_S) -> Finding:
    """What ``work`` finds; a failure, to be repaired by ``repair``, where it gives up or has not ended within the limit."""
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError:
        return fail(check, f"no answer within {limit_s:g} s", repair)
    except AxionError as exc:
        return fail(check, str(exc), repair)
