"""SLACK: a bot's message, later ones in its thread (chat.postMessage); or an incoming webhook, which knows no threads.

Sources: docs.slack.dev, "chat.postMessage", "Formatting message text" (escaping), "Sending messages using incoming webhooks".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.channels.http import Answer, Poster
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Slack
    from axion_bus.ports import Letter

URL = "https://slack.com/api/chat.postMessage"
MAX_CHARACTERS = 4000
_TRANSIENT = frozenset({"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable", "rate_limited"})
_THREAD_GONE = frozenset({"cannot_reply_to_message", "restricted_action_thread_locked", "thread_not_found"})


class SlackChannel:
    """The external id is ``<channel>:<ts>``, which names a message for ever."""

    def __init__(self, settings: Slack) -> None:
        self._settings = settings
        self._poster = Poster(settings)

    @property
    def recipients(self) -> Sequence[str]:
        """The channel of the bot, or the webhook's own."""
        return (self._settings.channel or "webhook",)

    async def send(self, letter: Letter) -> Receipt:
        """Post the message; what comes later about an incident goes into the thread of the first."""
        text = escaped(f"*{letter.subject}*\n{letter.text}")
        if self._settings.webhook_url is not None:
            answer = await self._poster.post(self._settings.webhook_url.reveal(), json={"text": text})
            return Receipt(answer=answer.kept)
        message = {"channel": letter.recipient, "text": text, "unfurl_links": False, "unfurl_media": False}
        if letter.thread is not None:
            message["channel"], _, message["thread_ts"] = letter.thread.rpartition(":")
        assert self._settings.token is not None  # noqa: S101 - the configuration holds a token where there is no webhook
        headers = {"Authorization": f"Bearer {self._settings.token.reveal()}"}
        return _receipt(await self._poster.post(URL, json=message, headers=headers))

    async def close(self) -> None:
        """Close its connections."""
        await self._poster.close()


def escaped(text: str) -> str:
    """``text`` as it stands, within the limit: ``&``, ``<`` and ``>`` would begin links and mentions; asterisks stay ours."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(shown) <= MAX_CHARACTERS:
        return shown
    cut = shown[: MAX_CHARACTERS - 1]
    begun = cut.rfind("&", len(cut) - 5)
    return (cut[:begun] if begun >= 0 and ";" not in cut[begun:] else cut) + "…"


def _receipt(answer: Answer) -> Receipt:
    """Slack answers 200 to what it refuses, too, and says ``ok: false``."""
    said = answer.json if isinstance(answer.json, dict) else {}
    if said.get("ok") is not True:
        error = str(said.get("error", answer.kept))
        raise DeliveryFailed(
            f"slack.com refused the message: {error}",
            is_permanent=error not in _TRANSIENT,
            is_thread_gone=error in _THREAD_GONE,
        )
    return Receipt(external_id=f"{said.get('channel')}:{said.get('ts')}", answer=answer.kept)
