"""Where the daemon listens for orders, and what it makes of those that are none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from axion_bus.config.loading import control_sockets
from axion_bus.daemon.control import listening
from axion_bus.daemon.orders import STALE, Orders
from axion_bus.errors import ConfigError
from axion_bus.systemd import Notifier


def refuse():
    raise ConfigError("a.toml: nonsense: unknown key")


@pytest.fixture
def orders():
    return Orders(None, refuse, Notifier())


async def say(path, line):
    """What is answered to ``line``."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return json.loads(answer) if answer else None


async def test_the_first_place_that_can_be_had_is_taken_and_given_back(tmp_path, orders):
    (tmp_path / "file").touch()
    too_long = tmp_path / ("x" * 120) / "control"
    paths = [tmp_path / "file" / "control", too_long, tmp_path / "made" / "control", tmp_path / "not" / "control"]
    async with listening(paths, orders):
        taken = [path.exists() for path in paths if path.parent.is_dir()]

    assert [False, True] == taken
    assert [False, False] == [(tmp_path / "made" / "control").exists(), (tmp_path / "not").exists()]


async def test_without_a_place_the_daemon_goes_on(tmp_path, orders):
    (tmp_path / "file").touch()
    async with listening([tmp_path / "file" / "control"], orders):
        assert ["file"] == [path.name for path in tmp_path.iterdir()]


async def test_another_daemons_socket_is_left_alone(tmp_path, orders):
    other = Orders(None, refuse, Notifier(), status="the other one")
    async with listening([tmp_path / "control"], other), listening([tmp_path / "control", tmp_path / "second"], orders):
        answers = [(await say(tmp_path / name, b"status\n"))["text"] for name in ("control", "second")]

    assert ["the other one", "starting"] == answers


async def test_a_file_that_is_no_socket_is_never_removed(tmp_path, orders):
    (tmp_path / "control").write_text("mine")
    async with listening([tmp_path / "control"], orders):
        pass

    assert "mine" == (tmp_path / "control").read_text()


async def test_a_refused_reload_is_told_and_stays_in_the_status(tmp_path, orders):
    path = tmp_path / "control"
    async with listening([path], orders):
        refused, status = await say(path, b"reload\n"), await say(path, b"status\n")

    assert {"ok": False, "text": "a.toml: nonsense: unknown key"} == refused
    assert {"ok": False, "text": f"starting; {STALE}: a.toml: nonsense: unknown key"} == status


@pytest.mark.parametrize("line", [b"stop\n", b"\n", b"\xff\xfe\n", b"reload"])
async def test_what_is_no_order_is_answered_and_changes_nothing(tmp_path, orders, line):
    path = tmp_path / "control"
    async with listening([path], orders):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert (line == b"reload") == (orders.fault is not None)
    assert json.loads(answer)["ok"] is False


async def test_a_line_without_end_is_not_listened_to(tmp_path, orders):
    path = tmp_path / "control"
    async with listening([path], orders):
        assert None is await say(path, b"x" * 100_000)


async def test_a_daemon_that_stops_says_so_to_who_waits(tmp_path, orders):
    orders.read = lambda: None
    path = tmp_path / "control"
    async with listening([path], orders):
        asked = asyncio.create_task(say(path, b"reload\n"))
        await orders.stop.wait()
        orders.leave()
        answers = [await asked, await say(path, b"reload\n")]

    assert [{"ok": False, "text": "the daemon is stopping"}] * 2 == answers


def test_both_sides_find_each_other_by_the_files_path_however_it_is_written(tmp_path):
    (tmp_path / "a.toml").touch()
    (tmp_path / "link.toml").symlink_to(tmp_path / "a.toml")
    environ = {"RUNTIME_DIRECTORY": "/run/x:/run/y", "XDG_RUNTIME_DIR": "/run/user/1", "STATE_DIRECTORY": "/state"}
    one, other, none = (control_sockets(file, environ) for file in (tmp_path / "a.toml", tmp_path / "link.toml", None))

    assert (one, True) == (other, one != none)
    assert ["/run/x", "/run/axion-bus", "/run/user/1/axion-bus", "/state"] == [str(path.parent) for path in one]
    assert Path("/run/axion-bus") == control_sockets(None, {"STATE_DIRECTORY": "/state"})[0].parent
