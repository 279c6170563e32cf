"""WEBHOOK: the notification as a CloudEvent, posted and signed (Standard Webhooks 1.0.0; CloudEvents HTTP binding 3.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from pydantic_core import to_json

from axion_bus.channels.http import Poster
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Webhook
    from axion_bus.ports import Letter


class WebhookChannel:
    """The configured address is the one recipient; the external id is the event's, unless the answer names another."""

    def __init__(self, settings: Webhook) -> None:
        self._settings = settings
        self._poster = Poster(settings)

    @property
    def recipients(self) -> Sequence[str]:
        """The host: an address may hold a secret."""
        return (self._settings.url.partition("://")[2].partition("/")[0],)

    async def send(self, letter: Letter) -> Receipt:
        """Post the event. ``webhook-id`` is the same at each attempt, so that a double is known for one."""
        body = to_json(
            {
                "specversion": "1.0",
                "id": letter.guid,
                "source": "/axion-bus",
                "type": f"org.axion.bus.notification.{letter.occasion}.v1",
                "subject": letter.incident_guid,
                "datacontenttype": "application/json",
                "data": {
                    "reference": letter.reference,
                    "title": letter.subject,
                    "text": letter.text,
                    "incident": dict(letter.incident) or None,
                },
            },
            exclude_none=True,
        )
        answer = await self._poster.post(self._settings.url, content=body, headers=self._headers(letter.guid, body))
        return Receipt(external_id=letter.guid, answer=answer.kept)

    def _headers(self, event_id: str, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8", "webhook-id": event_id}
        headers["webhook-timestamp"] = stamp = str(int(time.time()))
        if self._settings.secret is not None:
            signed = f"{event_id}.{stamp}.".encode() + body
            digest = hmac.new(self._settings.secret.reveal().encode(), signed, hashlib.sha256).digest()
            headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return headers

    async def close(self) -> None:
        """Close its connections."""
        await self._poster.close()
