import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.printable import printable

VOID = {"meta", "link", "br"}
ATTRIBUTES = {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "link": {"rel", "href"},
    "time": {"datetime"},
    "p": {"class"},
    "div": {"class", "role", "aria-labelledby", "tabindex"},
    "svg": {"viewbox", "aria-hidden"},
    "path": {"fill-rule", "d"},
    "rect": {"class", "width", "height", "rx"},
    "section": {"aria-labelledby", "class", "id"},
    "h2": {"id"},
    "dl": {"class"},
    "dd": {"class"},
    "ul": {"class"},
    "table": {"class"},
    "tr": {"class", "id"},
    "th": {"scope", "class"},
    "td": {"class"},
    "span": {"class"},
    "code": {"class"},
    "a": {"href", "rel"},
    "details": {"open"},
    **{key: set() for key in ("head", "title", "style", "body", "header", "main", "h1", "h3", "dt", "li", "br")},
    **{key: set() for key in ("summary", "caption", "thead", "tbody")},
}
"""Every element that the template writes, with its attributes."""


class Page(HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for _, index in self.open:
            self.texts[index] = self.texts.get(index, "") + data

    def found(self, tag, **attributes):
        """Return the text of each such element, blanks made one."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            " ".join(self.texts.get(index, "").split())
            for index, (name, given) in enumerate(self.elements)
            if name == tag and wanted.items() <= given.items()
        ]

    def values(self, tag, attribute):
        return [given[attribute] for name, given in self.elements if name == tag and attribute in given]


@pytest.fixture
def page():
    return lambda report: Page(FORMATS["html"].render(report))


@pytest.mark.parametrize("which", ["report", "incomplete", "clean", "full", "hostile"])
def test_there_is_no_element_or_attribute_that_the_template_does_not_write(which, page, request):
    for tag, attributes in page(request.getfixturevalue(which)).elements:
        assert tag in ATTRIBUTES
        assert set(attributes) <= ATTRIBUTES[tag]


@pytest.mark.parametrize("which", ["report", "hostile"])
def test_no_control_character_is_in_it(which, request):
    text = FORMATS["html"].render(request.getfixturevalue(which)).replace("\n", "")
    assert printable(text) == text


def test_hostile_text_shows_as_text(page, hostile):
    shown = " ".join(printable(hostile.warnings[0]).split())
    read = page(hostile)
    assert read.found("h3") == [shown]
    assert read.found("div", class_="reasons")[0].startswith(f"What is missing: {shown} What is listed")
    assert read.found("p", class_="waiver") == [f"{shown} – accepted by {shown} until 2027-01-31"]
    assert read.values("tr", "id") == [f"f-{printable(each.fingerprint)}" for each in sorted_rows(hostile)]


def sorted_rows(report):
    """Return the results in the order of the page: violations, unjudged, waived, the rest."""
    order = {"fail": 0, "unknown": 1, "error": 1}
    return sorted(report.results, key=lambda each: 2 if each.waiver else order.get(each.status, 3))


@pytest.mark.parametrize("which", ["report", "incomplete", "clean", "full", "hostile"])
def test_the_policy_allows_the_style_and_nothing_else(which, page, request):
    read = page(request.getfixturevalue(which))
    (style,) = [read.texts[index] for index, (tag, _) in enumerate(read.elements) if tag == "style"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [given["content"] for _, given in read.elements if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|@font-face|://", style)


def test_it_asks_for_nothing(page, full, hostile):
    for report in (full, hostile):
        read = page(report)
        assert [given for _, given in read.elements if {"src", "srcset", "data", "action"} & set(given)] == []
        assert read.values("link", "href") == ["data:,"]


def test_it_links_to_web_references_and_to_itself_alone(page, full, hostile):
    assert page(full).values("a", "href") == [
        "https://example.com/docs",
        "https://example.com/more",
        "#rule-unrestricted",
    ]
    links = page(hostile).values("a", "href")
    assert len(links) == 3
    assert links[0].startswith("https://evil.example/%3Cscript%3E")
    assert re.fullmatch(r"[\w%:/.?#@!$&*+,;=~-]+", links[0])
    assert links[1:] == ["https://good.example/", "#rule-unrestricted"]
    outward = [given for tag, given in page(hostile).elements if tag == "a" and not given["href"].startswith("#")]
    assert {given["rel"] for given in outward} == {"noopener noreferrer"}


def test_the_verdict_is_a_word_and_a_sentence(page, report, incomplete, clean):
    for each, word, sentence in (
        (report, "VIOLATED", "1 violation on 1 of 3 registry credentials"),
        (clean, "PASSED", "No violations on 3 registry credentials"),
    ):
        assert page(each).found("p", class_="word") == [word]
        assert page(each).found("h1") == [sentence]
        assert page(each).found("div", class_="reasons") == []
    assert page(incomplete).found("p", class_="word") == ["INCOMPLETE"]
    assert page(incomplete).found("div", class_="reasons") == [
        (
            "What is missing: page 2: 403 Forbidden 1 verdict is unknown "
            "What is listed below was found. Of the rest nothing can be said: it may be sound or not."
        )
    ]


def test_an_incomplete_report_does_not_say_that_there_is_nothing(page, clean, incomplete):
    empty = replace(clean, run=incomplete.run, exit_code=3)
    assert "None in what could be seen and judged." in page(empty).found("p")
    assert "None." not in page(empty).found("p")


def test_the_chart_has_a_bar_and_a_number_for_each_severity(page, report):
    read = page(report)
    assert read.found("table", class_="chart") == ["Violations by severity critical 0 high 1 medium 0 low 0 info 0"]
    bars = [given["width"] for tag, given in read.elements if tag == "rect" and given.get("class") == "bar"]
    assert bars == ["100.0%"]


def test_each_finding_can_be_linked_to(page, full):
    read = page(full)
    assert read.values("tr", "id") == [f"f-{each.fingerprint}" for each in sorted_rows(full)]


def test_what_a_finding_says(page, full):
    assert page(full).found("tr", id=f"f-{full.results[0].fingerprint}") == [
        "A a own account new a can be used by every project restrictions.restricted = false"
    ]
    assert page(full).found("tr", id=f"f-{full.results[2].fingerprint}") == [
        (
            "B b own account low Provider is allowed waived new b uses quay restrictions.restricted = false "
            "Migrated in Q1 – accepted by ops@example.com until 2027-01-31"
        )
    ]


def test_the_team_is_a_column_only_where_there_are_teams(page, report, full):
    assert "Team" not in page(report).found("th", scope="col")
    assert "Team" in page(full).found("th", scope="col")


def test_the_sections(page, full, clean):
    assert page(full).found("h2") == [
        "At a glance",
        "Violations",
        "Could not be judged",
        "Waived",
        "Resolved since the earlier report",
        "To be looked at",
        "Passed or not applicable",
        "All rules",
        "How this was measured",
    ]
    assert page(clean).found("h2") == ["At a glance", "Violations", "All rules", "How this was measured"]


def test_ids_are_unique_and_labels_lead_to_them(page, full):
    ids = [given["id"] for _, given in page(full).elements if "id" in given]
    assert len(ids) == len(set(ids))
    labels = {given["aria-labelledby"] for _, given in page(full).elements if "aria-labelledby" in given}
    assert labels <= set(ids)
