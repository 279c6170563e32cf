"""APPRISE: everything else, by the URLs of Apprise (extra ``apprise``). It knows no ids and no threads; what it says is kept.

Source: github.com/caronc/apprise, "Developing with Apprise". Its calls block, so each runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import apprise

from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Apprise
    from axion_bus.ports import Letter

_TYPES = {"CRITICAL": "failure", "HIGH": "failure", "MEDIUM": "warning", "LOW": "info"}


class AppriseChannel:
    """Each URL is a recipient; it holds secrets, so rows name it by its number: ``1``, ``2`` ..."""

    def __init__(self, settings: Apprise) -> None:
        self._settings = settings

    @property
    def recipients(self) -> Sequence[str]:
        """The numbers of the URLs."""
        return [str(number) for number, _ in enumerate(self._settings.urls, 1)]

    async def send(self, letter: Letter) -> Receipt:
        """Notify one URL. A thread that does not end in time goes on by itself: nobody knows what becomes of it."""
        number = int(letter.recipient) if letter.recipient.isdecimal() else 0
        if not 0 < number <= len(self._settings.urls):
            raise DeliveryFailed(f"[channels.apprise] has no URL number {letter.recipient}", is_permanent=True)
        service = apprise.Apprise.instantiate(self._settings.urls[number - 1].reveal())
        if service is None:
            raise DeliveryFailed(f"Apprise does not know what URL number {number} is", is_permanent=True)
        service.request_rate_per_sec = 0  # it is seconds, spent asleep; our own pace is enough
        kind = "success" if letter.occasion == "closed" else _TYPES.get(letter.incident.get("severity", ""), "info")
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                is_sent = await asyncio.to_thread(service.notify, body=letter.text, title=letter.subject, notify_type=kind)
        except TimeoutError as exc:
            raise DeliveryFailed(f"no answer within {self._settings.timeout_s:g} s", is_ambiguous=True) from exc
        if not is_sent:
            raise DeliveryFailed(f"Apprise did not deliver to URL number {number}; its log says why")
        return Receipt()

    async def close(self) -> None:
        """Nothing is held open between two messages."""
