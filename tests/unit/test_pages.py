"""The pages hang together: each is found from the README, and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def linked(page):
    """Pairs of file and heading, as ``page`` links to them; none of other places."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    return [
        ((page.parent / file).resolve() if file else page, heading)
        for file, _, heading in (each.partition("#") for each in targets)
    ]


def headings(page):
    """What a link may name behind ``#``, as the usual readers of Markdown make it of a heading."""
    lines = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page):
    assert [] == [
        f"{file.name}#{heading}"
        for file, heading in linked(page)
        if not file.exists() or (heading and heading not in headings(file))
    ]


def test_every_page_is_found_from_the_readme():
    found, rest = set(), [ROOT / "README.md"]
    while rest:
        page = rest.pop()
        if page not in found and page.suffix == ".md":
            found.add(page)
            rest += [file for file, _ in linked(page) if file.exists()]

    assert [] == [str(page.relative_to(ROOT)) for page in PAGES if page not in found and page.parent.name != "adr"]
