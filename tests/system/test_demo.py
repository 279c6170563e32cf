"""``axion-bus demo`` as somebody sees it who has just cloned the project: as a process, by its lines, on both brokers."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from axion_bus.buses.embedded_amqtt import Amqtt
from tests.servers import Process, free_port, wait_until
from tests.servers.process import can_connect

WHEN = r"\d\d:\d\d:\d\d"
REFERENCE = r"REF-\d{8}-[0-9A-Z]{7}"
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NO_REFERENCE = " " * 20
STORY = [
    rf"{WHEN}  alert     {REFERENCE}  HIGH      checkout/SHOP  Checkout takes 9 s",
    rf"{WHEN}  incident  {NO_REFERENCE}  created   {GUID}",
    rf"{WHEN}  event     {REFERENCE}  no. 1     incident/created",
    rf"{WHEN}  alert     {REFERENCE}  HIGH      checkout/SHOP  Checkout takes 9 s",
    rf"{WHEN}  repeat    {NO_REFERENCE}  counted   seen 2 times",
    rf"{WHEN}  alert     {REFERENCE}  CRITICAL  postgres/SHOP  No connection left",
    rf"{WHEN}  incident  {NO_REFERENCE}  linked    {GUID}",
    rf"{WHEN}  event     {REFERENCE}  no. 2     incident/alert-linked",
    rf"{WHEN}  event     {REFERENCE}  no. 3     incident/severity-changed  HIGH -> CRITICAL",
    rf"{WHEN}  alert     {REFERENCE}  LOW       backup/STORAGE  Disk 81 % full",
    rf"{WHEN}  recorded  {NO_REFERENCE}            not severe enough to open an incident",
    rf"{WHEN}  alert     {REFERENCE}  resolved  postgres/SHOP  No connection left",
    rf"{WHEN}  event     {REFERENCE}  no. 4     alert/resolved  FIRING -> RESOLVED",
    rf"{WHEN}  alert     {REFERENCE}  resolved  checkout/SHOP  Checkout takes 9 s",
    rf"{WHEN}  event     {REFERENCE}  no. 5     alert/resolved  FIRING -> RESOLVED",
    rf"{WHEN}  event     {REFERENCE}  no. 6     incident/status-changed  CREATED -> MONITORING",
]
READY = "In a second terminal, publish an alert"


class Demo(Process):
    """A demo in ``directory``, ready when it has introduced itself; its log is what it printed."""

    name = "demo"
    start_timeout_s = 60.0

    def __init__(self, directory, *arguments):
        super().__init__(directory)
        self.port = free_port()
        self._arguments = arguments

    def command(self):
        port = () if "--port" in self._arguments or "any-port" in self._arguments else ("--port", str(self.port))
        return sys.executable, "-m", "axion_bus", "demo", *port, *(each for each in self._arguments if each != "any-port")

    def is_ready(self):
        return READY in self.printed

    @property
    def printed(self):
        return self.log.read_text()

    @property
    def happened(self):
        """The lines of what happened."""
        return [line for line in self.printed.splitlines() if re.match(rf"{WHEN} |\s{{52}}", line)]

    @property
    def commands(self):
        """What is printed to be typed in a second terminal."""
        return [line.strip() for line in self.printed.splitlines() if line.startswith(("  mosquitto_pub", f"  {sys.executable}"))]

    @property
    def children(self):
        return [int(pid) for task in Path(f"/proc/{self.pid}/task").iterdir() for pid in (task / "children").read_text().split()]

    def shows(self, pattern):
        """Wait for a line of what happens that matches ``pattern``."""
        return wait_until(lambda: re.search(pattern, "\n".join(self.happened), re.MULTILINE), lambda: f"{pattern}:\n{self.printed}")

    def end(self, number):
        """End it by a signal; returns its exit code and what is left of it."""
        children = self.children
        self.signal(number)
        code = self.wait()
        return code, [pid for pid in children if Path(f"/proc/{pid}").exists()], can_connect(self.port)


@pytest.fixture
def start(tmp_path):
    """Starts demos in the test's directory."""
    started = []

    def start(*arguments):
        demo = Demo(tmp_path, *arguments)
        started.append(demo)
        return demo.start()

    yield start
    for demo in started:
        if demo.is_running:
            demo.end(signal.SIGTERM)


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_the_story_is_told_line_by_line(start, broker):
    demo = start("--broker", broker)
    wait_until(lambda: "That was the story" in demo.printed, lambda: demo.printed, timeout_s=60)

    unlike = [(wanted, line) for wanted, line in zip(STORY, demo.happened, strict=False) if not re.fullmatch(wanted, line)]
    assert ([], len(STORY)) == (unlike, len(demo.happened))
    subprocess.run(demo.commands[1], shell=True, check=True, cwd=demo.directory, capture_output=True)
    demo.shows(rf"alert     {REFERENCE}  .*API slow$")  # it stays up


@pytest.mark.parametrize(("broker", "is_said"), [("mosquitto", False), ("amqtt", True)])
def test_what_a_broker_does_not_guarantee_is_said_in_the_first_lines(start, broker, is_said):
    demo = start("--no-story", "--broker", broker)

    assert is_said is (Amqtt.caveat in demo.printed.partition(READY)[0])


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_the_printed_commands_work_in_a_second_terminal(start, broker):
    demo = start("--no-story", "--broker", broker)
    by_mosquitto_pub, by_send, look = demo.commands

    subprocess.run(by_mosquitto_pub, shell=True, check=True, cwd=demo.directory)
    demo.shows(rf"incident  {NO_REFERENCE}  created   {GUID}$")
    demo.shows(rf"event     {REFERENCE}  no. 1     incident/created$")
    subprocess.run(by_send, shell=True, check=True, cwd=demo.directory, capture_output=True)
    demo.shows(rf"repeat    {NO_REFERENCE}  counted   seen 2 times$")
    listed = subprocess.run(look, shell=True, check=True, cwd=demo.directory, capture_output=True, text=True).stdout
    assert "API slow" in listed


@pytest.mark.parametrize(
    ("broker", "number"),
    [("mosquitto", signal.SIGINT), ("mosquitto", signal.SIGTERM), ("mosquitto", signal.SIGHUP), ("amqtt", signal.SIGINT)],
)
def test_a_signal_ends_it_without_an_error_and_leaves_nothing_running(start, broker, number):
    demo = start("--no-story", "--broker", broker)
    had_a_child = bool(demo.children)
    ended = demo.end(number)

    assert (broker == "mosquitto", (0, [], False)) == (had_a_child, ended)
    assert demo.printed.endswith("\nended; the incidents are kept in var/demo.db\n")


def test_its_broker_ends_with_it_even_when_it_is_killed(start):
    demo = start("--no-story")
    (broker,) = demo.children
    demo.kill()

    wait_until(lambda: not Path(f"/proc/{broker}").exists(), "the end of the broker")
    assert not can_connect(demo.port)


def test_ctrl_c_in_the_terminal_does_not_reach_the_broker_before_the_daemon_has_left_it(start):
    demo = start("--no-story")
    (broker,) = demo.children

    groups = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[2]) for pid in (demo.pid, broker)}
    assert len(groups) == 2


def test_a_broker_that_ends_by_itself_ends_the_demo_and_is_named(start):
    demo = start("--no-story")
    (broker,) = demo.children
    subprocess.run(["kill", "-9", str(broker)], check=True)
    code = demo.wait()

    assert (5, True) == (code, "axion-bus: mosquitto ended, with -9; var/mosquitto.log says: " in demo.printed)


def test_a_second_run_keeps_the_incidents_and_tells_the_story_anew(start):
    first = start()
    assert "  database  var/demo.db" in first.printed.splitlines()
    guid = first.shows(rf"created   ({GUID})$")[1]
    first.end(signal.SIGTERM)
    first.log.unlink()
    second = start()
    again = second.shows(rf"created   ({GUID})$")[1]

    assert "  database  var/demo.db, with 1 open incident of earlier runs" in second.printed.splitlines()
    assert guid != again


def test_a_second_demo_in_one_directory_is_refused_and_told_what_to_do(start, tmp_path):
    start("--no-story")
    refused = subprocess.run([sys.executable, "-m", "axion_bus", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False)

    expected = "axion-bus: a demo runs in var already; end it first, or start this one in another --directory"
    assert (4, "", expected) == (refused.returncode, refused.stdout, refused.stderr.splitlines()[0])


def test_it_takes_another_port_when_the_usual_one_is_taken_and_says_so(start):
    with socket.socket() as other:
        if not can_connect(1883):
            other.bind(("127.0.0.1", 1883))
            other.listen()
        demo = start("--no-story", "any-port")
        facts = re.search(
            r"  broker    mosquitto on 127\.0\.0\.1, port (\d+)\n {12}1883 is taken by another program\n", demo.printed
        )
        subprocess.run(demo.commands[0], shell=True, check=True)
        demo.shows(r"incident .* created")

    assert facts is not None
    assert f"mosquitto_pub -p {facts[1]} " in demo.commands[0]


def test_a_port_that_was_asked_for_and_is_taken_is_a_usage_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "axion_bus", "demo", "--port", port]
        refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    expected = f"axion-bus: port {port} is taken on 127.0.0.1; choose another one by --port"
    assert (2, expected) == (refused.returncode, refused.stderr.splitlines()[0])


def test_what_is_no_alert_is_shown_refused_with_the_reason(start):
    demo = start("--no-story")
    subprocess.run(["mosquitto_pub", "-p", str(demo.port), "-t", "axion/alerts/web", "-m", '{"title":5}'], check=True)

    demo.shows(rf'message   {REFERENCE}  refused   axion/alerts/web  {{"title":5}}\n +wrong_type at \$\.title: found a number')


def test_the_daemon_logs_to_a_file_and_not_to_the_terminal(start):
    demo = start("--no-story")
    log = (demo.directory / "var" / "demo.log").read_text()

    assert (True, False) == ("broker_connected" in log, "broker_connected" in demo.printed)
