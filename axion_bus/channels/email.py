"""EMAIL: one message for one recipient, text and HTML, over the SMTP server of ``[channels.email]`` (RFC 5321)."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from typing import TYPE_CHECKING

import aiosmtplib

from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Email
    from axion_bus.ports import Letter

_QUEUED_AS = re.compile(r"queued as <?([^\s>]+)", re.IGNORECASE)
_PERMANENT = 500


class EmailChannel:
    """The mail server's answer to DATA is the receipt; its queue id, if it names one, the external id."""

    def __init__(self, settings: Email) -> None:
        self._settings = settings

    @property
    def recipients(self) -> Sequence[str]:
        """``to`` of the configuration."""
        return self._settings.to

    async def send(self, letter: Letter) -> Receipt:
        """Deliver ``letter``. 4xx answers and connection faults are worth another try, 5xx answers are not (RFC 5321 4.2.1)."""
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.reveal() if settings.password else None,
            start_tls=settings.starttls,
            timeout=settings.timeout_s,
        )
        where = f"{settings.host}:{settings.port}"
        try:
            async with client:
                _, answer = await client.send_message(self._message(letter), recipients=[letter.recipient])
        except aiosmtplib.SMTPRecipientsRefused as exc:
            refused = exc.recipients[0]
            raise _failed(f"{where} refused {letter.recipient}: {refused.code} {refused.message}", refused.code) from exc
        except aiosmtplib.SMTPResponseException as exc:
            raise _failed(f"{where} answered {exc.code} {exc.message}", exc.code) from exc
        except aiosmtplib.SMTPReadTimeoutError as exc:
            raise DeliveryFailed(f"{where} gave no answer in time: {exc}", is_ambiguous=True) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise DeliveryFailed(f"{where} could not be reached, or broke off: {exc}") from exc
        queued = _QUEUED_AS.search(answer)
        return Receipt(external_id=queued[1] if queued else None, answer=answer)

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        domain = self._settings.from_.rpartition("@")[2] or "axion-bus"
        message["From"] = self._settings.from_
        message["To"] = letter.recipient
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{letter.guid}@{domain}>"  # the same at each attempt, so that a double is known for one
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        if letter.incident_guid is not None:
            message["References"] = f"<{letter.incident_guid}@{domain}>"
        message.set_content(letter.text)
        if letter.html is not None:
            message.add_alternative(letter.html, subtype="html")
        return message


def _failed(text: str, code: int) -> DeliveryFailed:
    return DeliveryFailed(" ".join(text.split()), is_permanent=code >= _PERMANENT)
