"""The blocking manager: from several threads, inside a running loop, and closed cleanly."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from axion_bus import IncidentManager
from axion_bus.errors import AxionError, ValidationFailed
from axion_bus.ObjAlertIncident import ObjAlertIncident


@pytest.fixture
def blocking(settings):
    with IncidentManager(settings) as manager:
        yield manager


def test_several_threads_may_use_it_at_once(blocking):
    with ThreadPoolExecutor(8) as threads:
        guids = list(threads.map(lambda number: blocking.create_incident(f"t{number}", "LOW", "P"), range(40)))

    assert 40 == len(set(guids)) == len(blocking.list_incidents())


def test_it_works_inside_a_program_that_runs_a_loop(blocking):
    async def main():
        return blocking.create_incident("t", "LOW", "P")

    guid = asyncio.run(main())

    assert "t" == blocking.get_incident(guid)["Title"]


def test_closing_ends_its_thread_and_later_calls_are_refused(settings):
    before = threading.active_count()
    manager = IncidentManager(settings)
    manager.list_incidents()
    manager.close()
    manager.close()

    assert before == threading.active_count()
    with pytest.raises(AxionError, match="closed"):
        manager.list_incidents()


def test_errors_come_out_as_they_are(blocking):
    with pytest.raises(ValidationFailed):
        blocking.create_incident("", "LOW", "P")


def test_the_guides_class_is_the_same_manager(settings):
    manager = ObjAlertIncident(settings)
    guid = manager.create_incident("t", "LOW", "P")
    manager.close()

    assert 36 == len(guid)


def test_a_program_that_forgets_to_close_it_ends_without_a_word(tmp_path):
    program = f"""
from axion_bus import IncidentManager
from axion_bus.config import parse
manager = IncidentManager(parse({{"store": {{"url": "sqlite:///{tmp_path}/db"}}}}))
print(manager.create_incident("t", "LOW", "P"))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (0, "", 37) == (done.returncode, done.stderr, len(done.stdout))
