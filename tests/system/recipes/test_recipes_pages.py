"""The pages beside each other."""

from __future__ import annotations

import re

from tests.recipes import DIRECTORY, Page


def test_every_page_is_in_the_list_and_says_what_was_tried():
    listed = re.findall(r"\]\((\S+)\.md\)", Page("README").text)
    pages = sorted(path.stem for path in DIRECTORY.glob("*.md") if path.stem != "README")

    assert pages == sorted(listed)
    assert [] == [page for page in pages if "*Tried*:" not in Page(page).text]


def test_what_the_pages_link_to_is_there():
    links = [(path, link) for path in DIRECTORY.glob("*.md") for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())]

    assert [] == [(path.name, link) for path, link in links if not (path.parent / link).exists()]
