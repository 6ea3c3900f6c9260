import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.policy.compliance import frameworks
from northflank_audit.printable import printable

VOID = {"meta", "link", "br"}
ATTRIBUTES = {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "link": {"rel", "href"},
    "time": {"datetime"},
    "p": {"class"},
    "div": {"class", "role", "aria-labelledby", "tabindex"},
    "svg": {"class", "viewbox", "aria-hidden"},
    "path": {"fill-rule", "d"},
    "rect": {"class", "x", "width", "height", "rx"},
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
    assert read.found("h3") == [shown, "SOC 2", shown]
    assert read.found("div", class_="reasons")[0].startswith(f"What is missing: {shown} What is listed")
    assert read.found("p", class_="waiver") == [f"{shown} – accepted by {shown} until 2027-01-31"]
    assert anchored(read, "f-") == [f"f-{printable(each.fingerprint)}" for each in sorted_rows(hostile)]
    assert read.found("span", class_="id") == [f"{shown}:1"] * 2
    assert (
        read.found("table", class_="results policy")[1]
        == f"Rule files File SHA-256 Rules that ran {shown} {shown} 2 rules"
    )


def anchored(read, prefix):
    """Return the ids of the page's rows that begin so."""
    return [each for each in read.values("tr", "id") if each.startswith(prefix)]


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
    waived = f"#f-{full.results[2].fingerprint}"
    assert page(full).values("a", "href") == [
        "https://example.com/docs",
        "https://example.com/more",
        *("#rule-unrestricted", waived, "#rule-unrestricted", waived, "#rule-unrestricted"),  # CC6.1, CC6.3, CC9.2, 1
        "#rule-unrestricted",
    ]
    links = page(hostile).values("a", "href")
    assert len(links) == 7
    assert links[0].startswith("https://evil.example/%3Cscript%3E")
    assert re.fullmatch(r"[\w%:/.?#@!$&*+,;=~-]+", links[0])
    assert links[1] == "https://good.example/"
    assert {link[0] for link in links[2:]} == {"#"}
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
    assert anchored(read, "f-") == [f"f-{each.fingerprint}" for each in sorted_rows(full)]


@pytest.mark.parametrize("which", ["report", "incomplete", "clean", "full", "hostile"])
def test_every_link_within_the_page_leads_somewhere(which, page, request):
    read = page(request.getfixturevalue(which))
    ids = {given["id"] for _, given in read.elements if "id" in given}
    links = [link[1:] for link in read.values("a", "href") if link.startswith("#")]
    assert links
    assert set(links) <= ids


def test_a_framework_says_how_many_of_its_covered_controls_are_met(page, report):
    read = page(report)
    assert read.found("h3")[1:] == ["SOC 2", "own"]
    assert read.found("span", class_="count")[1:] == [
        "0 of 3 covered controls met, 1 waived, 2 not met",
        "0 of 1 covered control met, 1 not met",
    ]
    parts = [given for tag, given in read.elements if tag == "rect" and "x" in given]
    assert [(part["class"], part["x"], part["width"]) for part in parts] == [
        ("waived", "0.0%", "33.3%"),
        ("notmet", "33.3%", "66.7%"),
        ("notmet", "0.0%", "100.0%"),
    ]
    assert "not that the organisation is certified" in " ".join(read.found("p"))


def test_a_control_says_its_verdict_its_rules_and_what_they_found(page, report):
    (soc2, _) = page(report).found("table", class_="results controls")
    assert soc2 == (
        "Controls of SOC 2 that rules cover Control Verdict Rules under it Their verdicts "
        "CC6.1 not met Restricted to projects 1 pass 1 fail 1 unknown "
        "CC6.3 not met Provider is allowed Restricted to projects 2 pass 1 fail 1 waived 1 unknown 1 not applicable "
        "CC9.2 waived Provider is allowed 1 pass 1 waived 1 not applicable"
    )


def test_what_was_not_all_seen_has_no_control_that_is_met_and_says_why(page, report, clean):
    unseen = replace(clean, compliance=frameworks(clean.rules, seen=False))
    assert page(unseen).found("p", class_="caution") == [
        "This audit did not see everything, so no control is known to be met."
    ]
    assert page(unseen).found("span", class_="badge notmet") == ["not met"] * 4
    assert page(report).found("p", class_="caution") == []


def test_there_is_no_compliance_to_tell_of_where_no_rule_names_a_control(page, clean):
    assert "Compliance" not in page(replace(clean, compliance=[])).found("h2")


def test_which_rules_ran_with_what_from_which_file(page, report):
    assert page(report).found("table", class_="results policy") == [
        (
            "What each rule was run with Rule Parameters "
            "unrestricted rules.yaml:3 no parameters "
            "provider rules.yaml:12 severity = low set at audit.yaml:3 "
            'allowed = ["github"] set at audit.yaml:4 strict = true'
        ),
        f"Rule files File SHA-256 Rules that ran rules.yaml {'ab' * 32} 2 rules",
    ]


def test_what_a_finding_says(page, full):
    assert page(full).found("tr", id=f"f-{full.results[0].fingerprint}") == [
        (
            "A a own account new a can be used by every project restrictions.restricted = false "
            f"Fingerprint {full.results[0].fingerprint[:12]}"
        )
    ]
    assert page(full).found("tr", id=f"f-{full.results[2].fingerprint}") == [
        (
            "B b own account low Provider is allowed waived new b uses quay restrictions.restricted = false "
            f"Fingerprint {full.results[2].fingerprint[:12]} "
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
        "Compliance",
        "All rules",
        "How this was measured",
    ]
    assert page(clean).found("h2") == [
        *("At a glance", "Violations", "Compliance", "All rules", "How this was measured")
    ]


def test_ids_are_unique_and_labels_lead_to_them(page, full):
    ids = [given["id"] for _, given in page(full).elements if "id" in given]
    assert len(ids) == len(set(ids))
    labels = {given["aria-labelledby"] for _, given in page(full).elements if "aria-labelledby" in given}
    assert labels <= set(ids)
