"""A sink that stands in for every provider, channels that lead to it, and a letter to send."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl

import pytest
from werkzeug import Response

from axion_bus.channels import configured
from axion_bus.config import parse
from axion_bus.ports import Letter

CANARY = "canary-7f3a9c"
SECRETS = {
    "KEY": CANARY,
    "DISCORD": f"https://discord.com/api/webhooks/17/{CANARY}",
    "SLACK": f"https://hooks.slack.com/services/T0/B0/{CANARY}",
}
SECTIONS = {
    "PAGERDUTY": {"routing_key": {"env": "KEY"}},
    "SLACK": {"token": {"env": "KEY"}, "channel": "#ops"},
    "DISCORD": {"webhook_url": {"env": "DISCORD"}},
    "SMS": {"account_sid": "AC17", "auth_token": {"env": "KEY"}, "from": "+15550100", "to": ["+15550123"]},
    "WHATSAPP": {"account_sid": "AC17", "auth_token": {"env": "KEY"}, "from": "+15550100", "to": ["+15550123"]},
    "WEBHOOK": {"url": "https://hooks.example/axion", "secret": {"env": "KEY"}},
}
TAKEN = {
    "PAGERDUTY": (202, {"status": "success", "message": "Event processed", "dedup_key": "incident-1"}),
    "SLACK": (200, {"ok": True, "channel": "C024BE91L", "ts": "1503435956.000247"}),
    "DISCORD": (200, {"id": "1050", "channel_id": "7", "content": "x"}),
    "SMS": (201, {"sid": "SM0a", "status": "queued", "error_code": None}),
    "WHATSAPP": (201, {"sid": "SM0b", "status": "queued", "error_code": None}),
    "WEBHOOK": (204, None),
}
"""How each provider says that it has taken a message."""


@dataclass(frozen=True)
class Seen:
    """One request as the sink got it."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode()))


@pytest.fixture
def letter():
    return Letter(
        guid="letter-1",
        reference="REF-20251229-A7K",
        recipient="#ops",
        subject="[CRITICAL] DB down (CREATED) REF-20251229-A7K",
        text="All <slots> are taken & gone.\n",
        incident_guid="incident-1",
        occasion="created",
        incident={"severity": "CRITICAL", "package": "DATABASE", "created_at": "2025-12-29T10:00:00Z", "status": "CREATED"},
    )


@pytest.fixture
def sink(httpserver):
    """``seen`` is what came; ``answers`` are given one after another, the last one for ever."""

    def answer(request):
        sink.seen.append(
            Seen(request.method, request.path, request.query_string.decode(), dict(request.headers), request.get_data())
        )
        status, body, *headers = sink.answers[0] if len(sink.answers) == 1 else sink.answers.pop(0)
        if isinstance(body, (bytes, str)):
            return Response(body, status, *headers)
        return Response("" if body is None else json.dumps(body), status, *headers, content_type="application/json")

    sink = httpserver
    sink.seen = []
    sink.answers = [(200, {})]
    sink.expect_request(re.compile(".*")).respond_with_handler(answer)
    return sink


@pytest.fixture
def channel(sink):
    """Opens the channel of that name, led to the sink; more settings override."""

    @asynccontextmanager
    async def make(name, **more):
        section = {**SECTIONS[name], "base_url": sink.url_for("").rstrip("/"), "allow_private": True, "timeout_s": 5.0, **more}
        if name == "WEBHOOK":
            section = {**section, "url": more.get("url", sink.url_for("/axion"))}
        made = configured(parse({"channels": {name.lower(): section}}, environ=SECRETS).channels)[name]
        try:
            yield made
        finally:
            await made.close()

    return make


@pytest.fixture
def raw_sink():
    """A port that takes a request, sends the given bytes and closes; None: says nothing at all until the test ends."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(answer):
            taken, _ = listener.accept()
            with taken:
                taken.recv(65536)
                if answer is None:
                    over.wait(30)
                else:
                    taken.sendall(answer)

        threads = []

        def start(answer):
            thread = threading.Thread(target=serve, args=(answer,), daemon=True)
            thread.start()
            threads.append(thread)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start
        over.set()
        for thread in threads:
            thread.join(10)
