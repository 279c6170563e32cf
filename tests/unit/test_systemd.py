"""What systemd and the journal are told, by a real datagram socket, a real stream socket and a real terminal."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import socket
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from axion_bus.systemd import Notifier, configure_logging, is_journal


@pytest.fixture
def manager(tmp_path):
    """The service manager's end of the notification socket."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


@pytest.fixture
def notifier(manager):
    return Notifier(manager.getsockname())


@pytest.fixture(autouse=True)
def logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def heard(manager):
    return manager.recv(4096).decode()


def records(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ready_is_sent_with_its_status(manager, notifier):
    handed_over = notifier.ready("mqtt up")

    assert handed_over
    assert heard(manager) == "READY=1\nSTATUS=mqtt up"


def test_ready_needs_no_status(manager, notifier):
    notifier.ready()

    assert heard(manager) == "READY=1"


def test_each_call_says_its_word(manager, notifier):
    notifier.status("12 open incidents")
    notifier.watchdog()
    notifier.stopping("draining")
    notifier.extend_timeout(2.5)

    assert [heard(manager) for _ in range(4)] == [
        "STATUS=12 open incidents",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=draining",
        "EXTEND_TIMEOUT_USEC=2500000",
    ]


def test_a_reload_carries_the_time_it_began(manager, notifier):
    notifier.reloading()

    word, monotonic = heard(manager).split("\n")
    assert word == "RELOADING=1"
    assert monotonic.startswith("MONOTONIC_USEC=")
    assert int(monotonic.partition("=")[2]) > 0


def test_a_line_break_in_a_status_cannot_smuggle_in_another_message(manager, notifier):
    notifier.status("up\nSTOPPING=1\r\nMAINPID=1")

    assert heard(manager) == "STATUS=up STOPPING=1 MAINPID=1"


def test_an_abstract_socket_is_reached_by_its_at_sign():
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.bind(f"\0axion-bus-test-{os.getpid()}")
        sock.settimeout(5)

        handed_over = Notifier(f"@axion-bus-test-{os.getpid()}").watchdog()

        assert handed_over
        assert heard(sock) == "WATCHDOG=1"


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "relative/path", "/nowhere/at/all", "/nul\0inside", "/" + "x" * 200])
def test_without_a_manager_that_listens_a_call_says_so_and_raises_nothing(address):
    assert not Notifier(address).ready("up")


def test_a_manager_that_stopped_reading_does_not_stop_us(manager, notifier):
    limit = 10_000
    sent = 0
    while sent < limit and notifier.watchdog():
        sent += 1

    assert 0 < sent < limit


def test_the_environment_tells_where_and_how_often(manager):
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"})

    assert notifier.watchdog_interval_s == 10
    assert notifier.ready()


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_only_when_it_was_asked_of_this_process(environ, interval_s):
    assert Notifier.from_environment(environ).watchdog_interval_s == interval_s


def test_what_is_no_terminal_gets_one_json_object_a_line():
    stream = io.StringIO()
    configure_logging("INFO", stream, {})

    structlog.get_logger().info("incident_created", guid="g-1", title='two\nlines and "quotes"')

    [record] = records(stream)
    assert list(record) == ["timestamp", "level", "event", "guid", "title"]
    assert (record["level"], record["event"], record["title"]) == ("info", "incident_created", 'two\nlines and "quotes"')
    assert record["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_written():
    stream = io.StringIO()
    configure_logging("warning", stream, {})

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [record["event"] for record in records(stream)] == ["loud"]


def test_the_level_can_be_changed_later():
    stream = io.StringIO()
    log = structlog.get_logger()
    configure_logging("ERROR", stream, {})
    log.info("before")
    configure_logging("INFO", stream, {})

    log.info("after")

    assert [record["event"] for record in records(stream)] == ["after"]


def test_libraries_are_heard_from_warning_on_in_the_same_form():
    stream = io.StringIO()
    configure_logging("DEBUG", stream, {})

    logging.getLogger("paho.mqtt").info("chatter")
    logging.getLogger("paho.mqtt").warning("lost %s", "it")

    [record] = records(stream)
    assert (record["event"], record["logger"], record["message"]) == ("library_message", "paho.mqtt", "lost it")


def test_a_level_of_a_librarys_own_is_rounded_down():
    stream = io.StringIO()
    configure_logging("INFO", stream, {})

    logging.getLogger("lib").log(35, "between warning and error")

    assert [record["level"] for record in records(stream)] == ["warning"]


def fail(password):
    try:
        int("x", base=len(password))
    except ValueError:
        structlog.get_logger().exception("failed")


def test_an_exception_is_written_without_local_variables():
    stream = io.StringIO()
    configure_logging("INFO", stream, {})

    fail(password="hunter2")

    assert "ValueError: invalid literal" in records(stream)[0]["exception"]
    assert "hunter2" not in stream.getvalue()


def test_an_exception_is_shown_on_a_terminal_without_local_variables():
    reader, writer = pty.openpty()
    with os.fdopen(reader, "rb", buffering=0) as screen, os.fdopen(writer, "w", encoding="utf-8") as terminal:
        configure_logging("INFO", terminal, {})

        fail(password="hunter2")

        shown = screen.read(65536).decode()
    assert "ValueError: invalid literal" in shown
    assert "hunter2" not in shown


def test_a_log_that_cannot_be_written_stops_nothing():
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - its closing fails, and that is not what is tested
    configure_logging("INFO", full, {})

    structlog.get_logger().info("there is no room")
    with pytest.raises(OSError, match="No space left"):
        full.close()
    structlog.get_logger().info("there is no file")

    assert full.closed


def test_the_journal_gets_a_priority_in_front_of_each_line():
    ours, journals = socket.socketpair()
    with ours, journals, ours.makefile("w", encoding="utf-8") as stream:
        stat = os.fstat(stream.fileno())
        configure_logging("DEBUG", stream, {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"})

        log = structlog.get_logger()
        log.debug("a")
        log.info("b")
        log.warning("c")
        log.error("d")
        log.critical("e")

        lines = journals.recv(65536).decode().splitlines()
    assert [line.partition("{")[0] for line in lines] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    assert [json.loads(line[3:])["event"] for line in lines] == ["a", "b", "c", "d", "e"]


def test_a_redirected_stream_is_not_the_journal():
    with Path(os.devnull).open("w", encoding="utf-8") as elsewhere:
        assert not is_journal(elsewhere, {"JOURNAL_STREAM": "8:1234"})
        assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "8:1234"})


@pytest.mark.parametrize(("environ", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_lines_for_people_with_foreign_text_escaped(environ, is_coloured):
    reader, writer = pty.openpty()
    with os.fdopen(reader, "rb", buffering=0) as screen, os.fdopen(writer, "w", encoding="utf-8") as terminal:
        configure_logging("INFO", terminal, environ)

        structlog.get_logger().info("incident_created", title="\x1b]0;owned\x07")

        line = screen.read(4096).decode()
    assert "incident_created" in line
    assert r"\x1b]0;owned\x07" in line
    assert "\x1b]" not in line
    assert ("\x1b[" in line) == is_coloured
