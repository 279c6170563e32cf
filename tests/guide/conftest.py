"""A place to run the guide in: an empty database of each kind, a mail server, and the configuration that leads to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from tests.servers import free_port

BLOCKS = Path(__file__).parent / "blocks"


class Mailbox(Message):
    """Keeps what it is sent."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def handle_message(self, message):
        self.messages.append(message)


@pytest.fixture
def mailbox():
    """A mail server on ``port``; what it got is in ``messages``."""
    box = Mailbox()
    box.port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def config(tmp_path, store_url, mailbox, monkeypatch):
    """The configuration file, which the environment names."""
    file = tmp_path / "axion-bus.toml"
    file.write_text(f"""\
[store]
url = "{store_url}"
[channels.email]
host = "127.0.0.1"
port = {mailbox.port}
starttls = false
from = "axion@example.com"
to = ["ops@example.com"]
""")
    monkeypatch.setenv("AXION_BUS_CONFIG", str(file))
    return file
