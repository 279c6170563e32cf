"""SMS and WHATSAPP: Twilio's Messages resource; the two differ in how a number is written.

Source: twilio.com/docs/messaging/api/message-resource (form POST, Basic authentication, ``sid``; Body at most 1600 characters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.channels.http import Poster
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Twilio
    from axion_bus.ports import Letter

HOST = "https://api.twilio.com"
MAX_CHARACTERS = 1600


class TwilioChannel:
    """``prefix`` stands before each number: ``whatsapp:`` or nothing. The external id is the message's ``sid``."""

    def __init__(self, settings: Twilio, *, prefix: str = "") -> None:
        self._settings = settings
        self._prefix = prefix
        self._poster = Poster(settings)

    @property
    def recipients(self) -> Sequence[str]:
        """``to`` of the configuration."""
        return self._settings.to

    async def send(self, letter: Letter) -> Receipt:
        """Send the text; a provider's ``failed`` or ``undelivered`` is a refusal."""
        settings = self._settings
        text = f"{letter.subject}\n{letter.text}"
        form = {
            "To": f"{self._prefix}{letter.recipient}",
            "From": f"{self._prefix}{settings.from_}",
            "Body": text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…",
        }
        if settings.status_callback is not None:
            joint = "&" if "?" in settings.status_callback else "?"
            form["StatusCallback"] = f"{settings.status_callback}{joint}reference={letter.reference}"
        url = f"{HOST}/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
        answer = await self._poster.post(url, form=form, auth=(settings.account_sid, settings.auth_token.reveal()))
        said = answer.json if isinstance(answer.json, dict) else {}
        if said.get("status") in ("failed", "undelivered"):
            raise DeliveryFailed(
                f"twilio: {said['status']}: {said.get('error_code')} {said.get('error_message')}", is_permanent=True
            )
        return Receipt(external_id=said.get("sid"), answer=answer.kept)

    async def close(self) -> None:
        """Close its connections."""
        await self._poster.close()
