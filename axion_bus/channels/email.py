"""EMAIL: one message for one recipient, text and HTML, over the SMTP server of ``[channels.email]`` (RFC 5321)."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, parseaddr
from typing import TYPE_CHECKING, Any

import aiosmtplib

from axion_bus.channels.redaction import Redaction
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Email
    from axion_bus.ports import Letter

# Postfix; Exim; sendmail.
_QUEUED_AS = re.compile(r"queued as <?([^\s>]+)|\bid=([^\s>]+)|(\S+) message accepted for delivery", re.IGNORECASE)
_PERMANENT = 500
_QUIT_S = 1.0


class _Conversation(aiosmtplib.SMTP):
    """A connection that knows whether the server may have the message: from DATA on, without an answer, nobody does."""

    is_past_data = False

    async def data(self, message: str | bytes, /, **given: Any) -> aiosmtplib.SMTPResponse:
        """DATA, noted down."""
        self.is_past_data = True
        return await super().data(message, **given)


class EmailChannel:
    """The mail server's answer to DATA is the receipt; its queue id, if it names one, the external id."""

    def __init__(self, settings: Email) -> None:
        self._settings = settings
        self._where = f"{settings.host}:{settings.port}"
        self._redacted = Redaction(settings)

    @property
    def recipients(self) -> Sequence[str]:
        """``to`` of the configuration."""
        return self._settings.to

    async def send(self, letter: Letter) -> Receipt:
        """Deliver ``letter``. 4xx answers and connection faults are worth another try, 5xx answers are not (RFC 5321 4.2.1)."""
        settings = self._settings
        conversation = _Conversation(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.reveal() if settings.password else None,
            use_tls=settings.tls,
            start_tls=settings.starttls and not settings.tls,
            timeout=settings.timeout_s,
        )
        try:
            async with asyncio.timeout(settings.timeout_s):
                answer = await self._hand_over(conversation, letter)
        except TimeoutError as exc:
            text = f"{self._where} gave no answer within {settings.timeout_s:g} s"
            raise DeliveryFailed(text, is_ambiguous=conversation.is_past_data) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            text = f"{self._where} could not be reached, or broke off: {exc}"
            raise DeliveryFailed(self._redacted(" ".join(text.split())), is_ambiguous=conversation.is_past_data) from exc
        else:
            with suppress(aiosmtplib.SMTPException, OSError):  # it has the message, however it takes our leave
                await conversation.quit(timeout=_QUIT_S)
        finally:
            conversation.close()
        queued = _QUEUED_AS.search(answer)
        return Receipt(external_id=next(filter(None, queued.groups())) if queued else None, answer=answer)

    async def _hand_over(self, conversation: aiosmtplib.SMTP, letter: Letter) -> str:
        """The server's answer to the message. Raises DeliveryFailed for what it refuses, or what cannot be written."""
        try:
            message = self._message(letter)
            address = _address(letter.recipient)
            await conversation.connect()
            _, answer = await conversation.send_message(message, recipients=[address])
        except aiosmtplib.SMTPRecipientsRefused as exc:
            refused = exc.recipients[0]
            text = f"{self._where} refused {letter.recipient}: {refused.code} {refused.message}"
            raise _refused(self._redacted(text), refused.code) from exc
        except aiosmtplib.SMTPResponseException as exc:
            raise _refused(self._redacted(f"{self._where} answered {exc.code} {exc.message}"), exc.code) from exc
        except (ValueError, aiosmtplib.SMTPNotSupported) as exc:
            raise _refused(f"a message to {letter.recipient!a} cannot be written for {self._where}: {exc}", _PERMANENT) from exc
        return answer

    async def close(self) -> None:
        """Nothing is held open between two messages."""

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        domain = parseaddr(self._settings.from_)[1].rpartition("@")[2] or "axion-bus"
        message["From"] = self._settings.from_
        message["To"] = letter.recipient
        message["Subject"] = _header(letter.subject)
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{letter.guid}@{domain}>"  # the same at each attempt, so that a double is known for one
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        if letter.incident_guid is not None:
            message["References"] = f"<{letter.incident_guid}@{domain}>"
        message.set_content(letter.text)
        if letter.html is not None:
            message.add_alternative(letter.html, subtype="html")
        return message


def _address(recipient: str) -> str:
    address = parseaddr(recipient)[1]
    if "@" not in address:
        raise ValueError("it is no e-mail address")
    return address


def _header(text: str) -> str:
    """``text`` as a header may be: one line, no control characters (RFC 5322 2.2)."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _refused(text: str, code: int) -> DeliveryFailed:
    return DeliveryFailed(" ".join(text.split()), is_permanent=code >= _PERMANENT)
