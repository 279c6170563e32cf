"""The file for node_exporter: whole at every moment, readable by another user, gone when the daemon is."""

from __future__ import annotations

import os
import stat

import pytest
from structlog.testing import capture_logs

from axion_bus.telemetry.textfile import Textfile, replace
from tests.fakes import until


@pytest.fixture
def path(tmp_path):
    return tmp_path / "axion-bus.prom"


async def there(path, content):
    await until(lambda: path.exists() and path.read_bytes() == content)


async def test_it_is_written_at_once_and_again_and_again(running, path):
    texts = [b"first\n"]

    async with running(Textfile(path, lambda: texts[-1], every_s=0.02)):
        await there(path, b"first\n")
        texts.append(b"second\n")
        await there(path, b"second\n")


async def test_at_the_stop_it_goes(running, path):
    async with running(Textfile(path, lambda: b"x\n", every_s=60)):
        await there(path, b"x\n")

    assert list(path.parent.iterdir()) == []


def test_it_can_be_read_by_other_users_whatever_the_umask(path):
    before = os.umask(0o077)
    try:
        replace(path, b"x\n")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_reader_sees_the_old_or_the_new_one_and_nothing_between(path):
    replace(path, b"old\n")

    with path.open("rb") as reader:
        replace(path, b"new\n")

        assert (b"old\n", b"new\n") == (reader.read(), path.read_bytes())


def test_what_a_killed_daemon_left_half_written_is_no_obstacle_and_nothing_is_left(path):
    path.with_name(f"{path.name}.{os.getpid()}").write_bytes(b"half")

    replace(path, b"x\n")

    assert ["axion-bus.prom"] == [each.name for each in path.parent.iterdir()]


def test_a_link_in_the_place_of_the_draft_is_not_followed(path, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    path.with_name(f"{path.name}.{os.getpid()}").symlink_to(other)

    replace(path, b"x\n")

    assert (b"precious", b"x\n") == (other.read_bytes(), path.read_bytes())


async def test_a_directory_that_is_not_there_is_told_once_and_tried_again(running, tmp_path):
    path = tmp_path / "later" / "axion-bus.prom"
    tries = []

    def text():
        tries.append(1)
        return b"x\n"

    with capture_logs() as logs:
        async with running(Textfile(path, text, every_s=0.01)):
            await until(lambda: len(tries) > 3)
            path.parent.mkdir()
            await there(path, b"x\n")

    told = [(each["event"], each["error"]) for each in logs if each["log_level"] == "warning"]
    assert [("metrics_textfile_not_written", "No such file or directory")] == told


async def test_a_bug_of_ours_does_not_end_it(running, path):
    texts = [RuntimeError("no figures"), b"x\n"]

    def text():
        found = texts.pop(0) if len(texts) > 1 else texts[0]
        if isinstance(found, Exception):
            raise found
        return found

    with capture_logs() as logs:
        async with running(Textfile(path, text, every_s=0.01)):
            await there(path, b"x\n")

    assert ["metrics_not_written"] == [each["event"] for each in logs if each["log_level"] == "error"]
