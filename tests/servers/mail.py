"""A mail server that answers as a test tells it to: it takes, refuses, breaks off or says nothing. In a thread of its own."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.servers.process import free_port

if TYPE_CHECKING:
    import ssl
    from email.message import EmailMessage
    from types import TracebackType

    from aiosmtpd.smtp import Envelope, Session

DROP = "drop"
HANG = "hang"


class _Conversation(SMTP):
    """One connection, which is in ``open_ones`` while it is open."""

    def __init__(self, *arguments: Any, open_ones: set[asyncio.BaseTransport], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(transport)
        super().connection_made(transport)


class _Thread(Controller):
    """Aiosmtpd's thread, which leaves no connection to the garbage collector."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._open_ones: set[asyncio.BaseTransport] = set()
        super().__init__(*arguments, **more)

    def factory(self) -> SMTP:
        return _Conversation(self.handler, open_ones=self._open_ones, **self.SMTP_kwargs)

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(10)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        for transport in self._open_ones:
            transport.abort()
        self._open_ones.clear()
        for _ in range(3):  # a transport closes its socket in a later turn of the loop
            await asyncio.sleep(0)


class MailServer:
    """On ``port`` of 127.0.0.1, the same one after ``stop`` and ``start``; a context manager.

    ``taken`` has the messages that it took, ``offered`` all that came as far as DATA. ``at_recipient``, ``at_data`` and ``at_quit``
    are what it answers there: a line, DROP (it resets the connection) or HANG (it says nothing until it is stopped). ``tls`` makes
    it offer STARTTLS, or speak TLS from the first byte on if ``at_once``.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, at_once: bool = False) -> None:
        self.port = free_port()
        self.taken: list[EmailMessage] = []
        self.offered: list[EmailMessage] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.at_recipient = "250 OK"
        self.at_data = "250 2.0.0 Ok: queued as 4QbJ3k1"
        self.at_quit: str | None = None
        self._tls = {"ssl_context" if at_once else "tls_context": tls}
        self._controller: _Thread | None = None

    def start(self) -> Self:
        """Listen."""
        self._over = asyncio.Event()
        self._controller = _Thread(self, hostname="127.0.0.1", port=self.port, ready_timeout=30, **self._tls)
        self._controller.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on; what hangs is let go."""
        if self._controller is not None:
            self._controller.loop.call_soon_threadsafe(self._over.set)
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        """Answer RCPT."""
        answer = await self._said(server, self.at_recipient)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer the message."""
        message = message_from_bytes(envelope.original_content or b"", policy=default)
        self.offered.append(message)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        answer = await self._said(server, self.at_data)
        if answer.startswith("250"):
            self.taken.append(message)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer QUIT."""
        return await self._said(server, self.at_quit or "221 Bye")

    async def _said(self, server: SMTP, what: str) -> str:
        if what == DROP:
            server.transport.abort()
        elif what == HANG:
            await self._over.wait()
        return what if what not in (DROP, HANG) else "421 over"
