"""PagerDuty, Slack, Discord, Twilio, a webhook and a mail server on loopback: each answers as documented, and keeps what came.

No real provider is ever called. A test says what is answered otherwise, and may act at the moment that a request is there.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests.servers.mail import MailServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from werkzeug import Request

_PATHS = {
    "/v2/enqueue": "PAGERDUTY",
    "/api/chat.postMessage": "SLACK",
    "/api/webhooks/": "DISCORD",
    "/2010-04-01/": "SMS",
    "/axion": "WEBHOOK",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its provider got it; ``said`` is its body, read as the provider reads it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    said: dict[str, Any]

    @property
    def reference(self) -> str:
        """The reference that the message has, wherever its provider has room for it."""
        return re.findall(r"REF-\d{8}-[A-Z0-9]{3,7}", json.dumps(self.said))[0]


class Providers:
    """A context manager. ``asked`` has by channel what came, in order; WhatsApp's is Twilio's with numbers that say so.

    ``answers`` take, by channel, the place of the documented ones: (status, body), one after another, the last for ever.
    ``echoes`` is a status with which all that was asked is said again, secrets and all. ``on_request`` is called with the channel
    and the request before the answer is given.
    """

    def __init__(self) -> None:
        self.mail = MailServer()
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.echoes: int | None = None
        self.on_request: Callable[[str, Asked], None] = lambda _channel, _asked: None
        self._http = HTTPServer(threaded=True)
        self._numbers = count(1)
        self._lock = Lock()

    @property
    def url(self) -> str:
        """Where all but the mail server listen."""
        return f"http://127.0.0.1:{self._http.port}"

    def channels(self, *names: str, secret: Callable[[str], str] = lambda name: f'env = "{name}"', more: str = "") -> str:
        """Sections of these channels, or of all, that lead here; ``secret`` refers to one by name, ``more`` are keys of each."""
        common = f'base_url = "{self.url}"\nallow_private = true\nrate = 100\ntimeout_s = 5.0\n{more}'
        twilio = f'account_sid = "AC17"\nauth_token = {{ {secret("TWILIO")} }}\nfrom = "+15550100"\nto = ["+15550123"]'
        own = {
            "PAGERDUTY": f"routing_key = {{ {secret('PAGERDUTY')} }}",
            "SLACK": f'token = {{ {secret("SLACK")} }}\nchannel = "#ops"',
            "DISCORD": f"webhook_url = {{ {secret('DISCORD')} }}",
            "SMS": twilio,
            "WHATSAPP": twilio,
            "WEBHOOK": f'url = "{self.url}/axion"\nsecret = {{ {secret("WEBHOOK")} }}',
            "EMAIL": f'host = "127.0.0.1"\nport = {self.mail.port}\nstarttls = false\n'
            'from = "axion@example.com"\nto = ["ops@example.com"]',
        }
        return "\n".join(f"[channels.{name.lower()}]\n{common}\n{own[name]}\n" for name in names or own)

    def __enter__(self) -> Self:
        self._http.start()
        self._http.expect_request(re.compile(".*")).respond_with_handler(self._answer)
        self.mail.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self.mail.stop()
        self._http.stop()

    def _answer(self, request: Request) -> Response:
        body = request.get_data()
        is_form = "form" in (request.content_type or "")
        said = dict(parse_qsl(body.decode())) if is_form else json.loads(body)
        channel = next(name for path, name in _PATHS.items() if request.path.startswith(path))
        if str(said.get("To", "")).startswith("whatsapp:"):
            channel = "WHATSAPP"
        with self._lock:
            asked = Asked(request.method, request.full_path, dict(request.headers), body, said)
            self.asked[channel].append(asked)
            status, answer = self._scripted(channel) or (200, self._documented(channel, said))
        self.on_request(channel, asked)
        if self.echoes is not None:
            status, answer = self.echoes, {**answer, "you said": [asked.path, asked.headers, body.decode()]}
        return Response(json.dumps(answer), status, content_type="application/json")

    def _scripted(self, channel: str) -> tuple[int, Any] | None:
        answers = self.answers.get(channel)
        if not answers:
            return None
        return answers[0] if len(answers) == 1 else answers.pop(0)

    def _documented(self, channel: str, said: dict[str, Any]) -> Any:
        number = next(self._numbers)
        return {
            "PAGERDUTY": {"status": "success", "message": "Event processed", "dedup_key": said.get("dedup_key")},
            "SLACK": {"ok": True, "channel": "C024BE91L", "ts": f"1503435956.{number:06}"},
            "DISCORD": {"id": f"10{number:04}", "channel_id": "7"},
            "SMS": {"sid": f"SM{number:04}", "status": "queued", "error_code": None},
            "WHATSAPP": {"sid": f"SM{number:04}", "status": "queued", "error_code": None},
            "WEBHOOK": {},
        }[channel]
