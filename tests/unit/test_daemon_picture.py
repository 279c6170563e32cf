"""The picture in the README shows what the code has."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from tests import drawing

PICTURE = Path(__file__).parents[2] / "docs" / "picture.svg"


def test_the_picture_is_what_make_docs_draws():
    assert drawing.draw() == PICTURE.read_text(), "run make docs"


def test_the_picture_shows_each_worker_that_the_daemon_runs():
    shown = {text.text for text in ET.fromstring(PICTURE.read_text()).iter("{http://www.w3.org/2000/svg}text")}

    assert {drawing.WORKERS[name][2] for name in drawing.workers()} <= shown
    assert "record" in drawing.workers()
