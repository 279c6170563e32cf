"""A worker is stalled when it neither waits nor moves."""

from __future__ import annotations

import pytest

from axion_bus.pipeline.progress import Progress


class Watch:
    """A monotonic clock that is set by hand."""

    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def progress(watch):
    return Progress("record", watch)


def test_a_worker_that_just_started_is_not_stalled(progress):
    assert not progress.is_stalled(now_s=110, limit_s=10)


def test_a_worker_that_does_not_move_is_stalled_after_the_limit(progress):
    assert progress.is_stalled(now_s=110.1, limit_s=10)


def test_a_beat_counts_as_movement(progress, watch):
    watch.now_s = 108
    progress.beat()

    assert not progress.is_stalled(now_s=118, limit_s=10)
    assert progress.is_stalled(now_s=118.1, limit_s=10)


def test_a_worker_that_waits_for_the_outside_world_is_not_stalled_however_long_it_takes(progress):
    with progress.waiting_for("store"):
        assert progress.waiting == "store"
        assert not progress.is_stalled(now_s=1_000_000, limit_s=10)


def test_the_end_of_a_wait_counts_as_movement(progress, watch):
    with progress.waiting_for("store"):
        watch.now_s = 200

    assert progress.waiting is None
    assert not progress.is_stalled(now_s=210, limit_s=10)
    assert progress.is_stalled(now_s=210.1, limit_s=10)


def test_a_wait_that_fails_ends_too(progress, watch):
    with pytest.raises(TimeoutError), progress.waiting_for("broker"):
        raise TimeoutError

    assert progress.waiting is None


def test_waits_that_overlap_last_until_the_last_one_ends(progress):
    first, second = progress.waiting_for("broker"), progress.waiting_for("broker")
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)

    assert progress.waiting == "broker"
    second.__exit__(None, None, None)
    assert progress.waiting is None
