"""What a report tells, in each of its formats, and that no text of others becomes a part of its structure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from axion_bus.reports import FORMATS, render
from axion_bus.reports.build import MAX_ROWS, duration
from tests.unit.reports.conftest import an_entry, at, material

TOLD = [
    "019443f2-7c1e-7a40-9d0b-5f0e2a6c1b77", "Title plain words", "HIGH", "CLOSED", "RESOLVED", "Package plain words",
    "Owner plain words", "2026-01-31 12:00:00 UTC", "2026-01-31 12:05:00 UTC", "after 5 min", "2026-01-31 13:00:00 UTC", "1 h",
    "Description plain words", "guid-plain words", "Alert plain words", "Source plain words", "unknown-guid", "Created plain words",
    "Creator plain words", "Failed plain words", "GENERAL said plain words", "ROOT_CAUSE said plain words",
    "RESOLUTION said plain words", "Writer plain words", "REF-20260131-A7K", "CHANNEL plain words", "FAILED",
    "Recipient plain words", "Message plain words", "Error plain words", "12 messages on the bus", "2026-01-31 13:30:00 UTC",
]  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script><b x='\"' y=\"'\">&amp;",
    "| a | b |\n|---|---|\n# heading\n* item\n1. one\n> quote\n```\ncode\n---\n===",
    "**bold** _it_ `code` ~~gone~~ [link](http://x) ![image](http://y) <http://z>",
    "http://auto.example www.auto.example a@auto.example",
    "{{ 7 * 7 }} {% for x in y %} ${x} {incident_title}",
    "COMMUNICATIONS (3)\n--------------\nREF-20260131-ZZZ  forged",
    "\x1b[2J\x00\x07\x08\x85\u202e\u2066\u200f\x7f",
    "trailing backslash \\",
    "]]> --> */ </style></title></svg>",
]


class Tags(HTMLParser):
    """The elements and attribute names of a page, in order, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text += data


def shown(report):
    """A report without an HTML page's head and picture."""
    return re.sub(r"(?s)<style>.*</style>|<svg.*</svg>", "", report)


def structure(markdown):
    """The kinds of a Markdown text's parts, in order, those inside lines too; a GitHub-like reader's."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    return [(token.type, [child.type for child in token.children or () if child.type != "text_special"]) for token in tokens]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("told", TOLD)
def test_a_report_tells_all_that_is_known(plain, form, told):
    report = render(plain, form)

    assert told in (Tags(report).text if form == "html" else report.replace("\\_", "_"))


@pytest.mark.parametrize("form", FORMATS)
def test_the_last_root_cause_stands_by_itself_before_everything_else(form):
    notes = [
        {"NoteType": "ROOT_CAUSE", "Content": text, "CreatedBy": "ada", "CreatedAt": at(1)} for text in ("first guess", "truth")
    ]
    report = render(material(notes=notes), form)

    assert report.index("truth") < report.index("Alerts" if form != "text" else "ALERTS") < report.index("first guess")


@pytest.mark.parametrize("form", FORMATS)
def test_notes_come_by_type_in_the_guides_order(plain, form):
    report = render(plain, form).replace("\\_", "_")
    notes = report[report.upper().rindex("NOTES\n" if form == "text" else "NOTES") :]

    assert sorted((notes.index(f"{kind} said"), kind) for kind in ("ROOT_CAUSE", "RESOLUTION", "GENERAL")) == [
        (notes.index(f"{kind} said"), kind) for kind in ("ROOT_CAUSE", "RESOLUTION", "GENERAL")
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_an_open_incident_lasts_until_now_and_leaves_out_what_has_not_come(form):
    incident = {**material().incident, "Status": "CREATED", "ClosedAt": None, "CloseReason": None, "AcknowledgedAt": None,
                "AssignedTo": None, "Description": ""}  # fmt: skip
    report = render(material(incident=incident, alerts=[], notes=[], communications=[], bus_messages=0, statuses=[]), form)

    assert "1 h 30 min, still open" in report
    assert "nobody" in report
    assert not re.search(
        r"(?i)acknowledged|description|root cause|on the bus|closed:|RESOLVED", re.sub(r"(?s)<style>.*</style>", "", report)
    )
    assert 3 == len(re.findall(r"(?im)^none\.?$|>None\.<", report))


@pytest.mark.parametrize("form", FORMATS)
def test_a_merged_incident_says_where_it_went(form):
    incident = {**material().incident, "CloseReason": "MERGED", "MergedInto": "target-guid"}

    assert "target-guid" in render(material(incident=incident), form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_has_an_end_and_says_what_it_leaves_out(form):
    timeline = [an_entry(number / 60, "ALERT_LINKED", f"entry {number} of many") for number in range(MAX_ROWS + 7)]
    report = render(material(timeline=timeline), form)

    assert "7 earlier entries are left out" in report
    assert "entry 7 of many" in report
    assert f"entry {MAX_ROWS + 6} of many" in report
    assert "entry 6 of many" not in shown(report)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_part_of_an_html_report(text):
    report, tame = render(material(text), "html"), render(material("tame"), "html")

    assert Tags(tame).elements == Tags(report).elements


def test_a_hostile_text_is_still_there_to_be_read():
    (said,) = [HOSTILE[0]]
    assert f"Title {said}" in Tags(render(material(said), "html")).text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markdown(text):
    assert structure(render(material("tame"), "markdown")) == structure(render(material(text), "markdown"))


@given(st.text(alphabet=st.sampled_from("*_`~[]()<>#|!&\\:@/. w\n\tax1-+=>{}\"'") | st.characters(codec="utf-8"), max_size=40))
def test_no_text_at_all_becomes_markdown_or_html(text):
    given_ = material(f"x{text}x")

    assert structure(render(material("xtamex"), "markdown")) == structure(render(given_, "markdown"))
    assert Tags(render(material("xtamex"), "html")).elements == Tags(render(given_, "html")).elements


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_stands_where_a_text_reports_own_lines_begin(text):
    ours = re.compile(
        r"[A-Z_ -]+(\(\d+\))?|[A-Z][a-z ]+: .*|=+|-+|Title .*|\d{4}-.*|REF-20260131-A7K .*|none|and 12 messages.*|Written .*|"
    )
    lines = render(material(text), "text").splitlines()

    assert [] == [line for line in lines if not line.startswith(" ") and not ours.fullmatch(line)]
    assert 1 == sum(line.startswith("REF-") for line in lines)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_moves_a_readers_cursor_or_turns_the_writing(form, text):
    report = render(material(text), form)

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u202a-\u202e\u2066-\u2069]", report)


@pytest.mark.parametrize("form", FORMATS)
def test_the_line_ends_of_other_systems_are_line_ends(form):
    incident = {**material().incident, "Description": "one\r\ntwo\rthree"}
    report = render(material(incident=incident), form)

    assert re.search(r"one\n +two\n +three" if form != "html" else "one\ntwo\nthree", report)


def test_an_html_report_asks_for_nothing_from_elsewhere(plain):
    report = render(plain, "html")

    assert not re.search(r"(?i)src=|href=|url\(|<script|<link|@import|http(?!://www\.w3\.org/2000/svg|-equiv)", report)
    assert "default-src 'none'" in report


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"), (0, "0 s"), (0.4, "0 s"), (8, "8 s"), (59.6, "1 min"), (60, "1 min"), (754, "12 min 34 s"), (3600, "1 h"),
        (3601, "1 h"), (3660, "1 h 1 min"), (86_399, "23 h 59 min"), (273_600, "3 d 4 h"), (86_400 + 59, "1 d"),
        (400 * 86_400, "400 d"),
    ],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds, words):
    assert words == duration(timedelta(seconds=seconds))


def test_the_same_material_makes_the_same_report(plain):
    assert [render(plain, form) for form in FORMATS] == [render(replace(plain), form) for form in FORMATS]


def test_an_address_in_a_text_is_no_link_for_readers_that_make_links_of_them():
    title = render(material(HOSTILE[3]), "markdown").splitlines()[0]

    assert r"http:\//auto.example www\.auto.example a\@auto.example" in title
