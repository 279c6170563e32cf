"""DISCORD: a webhook's message, edited as the incident goes on.

Source: discord.com/developers, "Execute Webhook" (``wait``), "Edit Webhook Message", "Allowed Mentions Object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.channels.http import Answer, Poster
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Discord
    from axion_bus.ports import Letter

MAX_CHARACTERS = 2000
_NOT_FOUND = 404


class DiscordChannel:
    """The webhook is the one recipient; the external id is the message's."""

    recipients: Sequence[str] = ("webhook",)

    def __init__(self, settings: Discord) -> None:
        self._url = settings.webhook_url
        self._poster = Poster(settings)

    async def send(self, letter: Letter) -> Receipt:
        """Post the message, or put it in the place of the incident's first one. Nobody is mentioned, whatever it says."""
        text = f"**{letter.subject}**\n{letter.text}"
        content = text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
        body = {"content": content, "allowed_mentions": {"parse": []}}
        url = self._url.reveal().partition("?")[0]
        if letter.thread is None:
            answer = await self._poster.post(f"{url}?wait=true", json=body)
        else:
            answer = await self._edit(f"{url}/messages/{letter.thread}", body)
        said = answer.json if isinstance(answer.json, dict) else {}
        return Receipt(external_id=str(said["id"]) if "id" in said else letter.thread, answer=answer.kept)

    async def _edit(self, url: str, body: dict[str, Any]) -> Answer:
        try:
            return await self._poster.post(url, json=body, method="PATCH")
        except DeliveryFailed as exc:
            exc.is_thread_gone = exc.status == _NOT_FOUND  # somebody deleted the message
            raise

    async def close(self) -> None:
        """Close its connections."""
        await self._poster.close()
