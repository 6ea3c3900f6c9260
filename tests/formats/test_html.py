import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from northflank_audit.audit.compliance import frameworks
from northflank_audit.formats import FORMATS, htmlview
from northflank_audit.formats.ruletext import plain
from northflank_audit.printable import printable

VOID = {"meta", "link", "br", "input"}
ATTRIBUTES = {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "link": {"rel", "href"},
    "time": {"datetime"},
    "nav": {"aria-label"},
    "search": {"id", "aria-label", "hidden"},
    "p": {"class", "id", "role", "aria-label", "hidden"},
    "div": {"class", "id", "role", "aria-label", "aria-labelledby", "tabindex", "hidden"},
    "svg": {"class", "viewbox", "aria-hidden"},
    "path": {"fill-rule", "d"},
    "rect": {"class", "x", "width", "height", "rx"},
    "section": {"aria-labelledby", "class", "id", "data-rule", "data-severity"},
    "h2": {"id"},
    "dl": {"class"},
    "dd": {"class"},
    "ul": {"class", "id", "hidden", "aria-hidden"},
    "ol": {"class", "aria-label"},
    "li": {"class", "id", "data-rule", "data-severity", "data-type", "data-project", "data-team", "data-state"},
    "label": {"for"},
    "input": {"id", "type", "autocomplete", "spellcheck"},
    "select": {"id", "autocomplete"},
    "option": {"value"},
    "button": {"id", "type", "hidden", "aria-pressed", "aria-label", "data-copy"},
    "template": {"id"},
    "table": {"class"},
    "tr": {"class", "id"},
    "th": {"scope", "class", "data-of"},
    "td": {"class"},
    "span": {"class"},
    "code": {"class"},
    "a": {"href", "rel", "class", "aria-label"},
    "details": {"open"},
    **{key: set() for key in ("em", "strong")},
    **{key: set() for key in ("head", "title", "style", "body", "header", "main", "h1", "h3", "dt", "br", "b")},
    **{key: set() for key in ("script", "summary", "thead", "tbody")},
    "caption": {"id"},
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
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
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
    assert read.found("h3") == [" ".join(plain(printable(hostile.warnings[0])).split()), "SOC 2", shown]
    assert read.found("div", class_="reasons")[0].startswith(f"What is missing: {shown} What is listed")
    assert read.found("p", class_="waiver") == [f"{shown} – accepted by {shown} until 2027-01-31"] * 2
    assert read.found("p", class_="annotation") == [f"reported as incorrect, {shown}: {shown}"] * (
        len(hostile.results) * 2 + 2
    )
    assert anchored(read, "f-") == [f"f-{printable(each.fingerprint)}" for each in sorted_rows(hostile)]
    assert read.found("span", class_="id") == [f"{shown}:1"] * 2
    assert read.found("table", class_="policy")[1] == f"Rule files File SHA-256 Rules that ran {shown} {shown} 2 rules"


def anchored(read, prefix):
    """Return the ids of the page's findings that begin so."""
    return [each for each in read.values("li", "id") if each.startswith(prefix)]


def sorted_rows(report):
    """Return the results in the order of the page: violations, inconclusive, waived, the rest."""
    order = {"fail": 0, "unknown": 1, "error": 1}
    return sorted(report.results, key=lambda each: 2 if each.waiver else order.get(each.status, 3))


@pytest.mark.parametrize("which", ["report", "incomplete", "clean", "full", "hostile"])
def test_the_policy_allows_the_style_and_the_script_and_nothing_else(which, page, request):
    read = page(request.getfixturevalue(which))
    (style,) = [read.texts[index] for index, (tag, _) in enumerate(read.elements) if tag == "style"]
    (script,) = [read.texts[index] for index, (tag, _) in enumerate(read.elements) if tag == "script"]
    (policy,) = [given["content"] for _, given in read.elements if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy == (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert not re.search(r"url\(|@import|@font-face|://", style)
    assert not re.search(r"://|eval|Function\(|innerHTML|outerHTML|insertAdjacent|document\.write|fetch|import", script)


def digest(text):
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def test_it_asks_for_nothing(page, full, hostile):
    for report in (full, hostile):
        read = page(report)
        assert [given for _, given in read.elements if {"src", "srcset", "data", "action"} & set(given)] == []
        assert read.values("link", "href") == ["data:,"]


def test_it_links_to_web_references_and_to_itself_alone(page, full, hostile):
    first, inconclusive, waived, passed = (f"#f-{each.fingerprint}" for each in full.results)
    assert page(full).values("a", "href") == [
        *("#unevaluated", "#rule-unrestricted"),  # what was not seen, the worst
        *("#changed", "#violations", "#unevaluated", "#waived", "#compliance", "#rules", "#coverage"),  # on this page
        *("#resolved", "#unsettled"),  # what changed
        *("#compliance", "#compliance"),  # at a glance: SOC 2, own
        "https://example.com/docs",
        "https://example.com/more",
        *(first, inconclusive, waived, passed),  # each to itself
        *("#rule-unrestricted", waived, "#rule-unrestricted", waived, "#rule-unrestricted"),  # CC6.1, CC6.3, CC9.2, 1
        "#rule-unrestricted",
    ]
    inward = re.compile("#(?!f-)")
    links = [link for link in page(hostile).values("a", "href") if not inward.match(link)]
    assert len(links) == 8
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
            "What is listed below was found. The rest is unknown: it may comply or not."
        )
    ]


def test_an_incomplete_report_does_not_say_that_there_is_nothing(page, clean, incomplete):
    empty = replace(clean, run=incomplete.run, exit_code=3)
    assert "None in what could be seen and evaluated." in page(empty).found("p")
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
    ] * 2  # at a glance, and in full
    assert [each for each in read.found("td", class_="number") if " of " in each] == ["0 of 3", "0 of 1"]
    assert "not that the organisation is certified" in " ".join(read.found("p"))


def test_a_control_says_its_verdict_its_rules_and_what_they_found(page, report):
    (soc2, _) = page(report).found("table", class_="controls")
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
    assert page(unseen).found("span", class_="badge notknown") == ["not known"] * 4
    assert page(report).found("p", class_="caution") == []


def test_there_is_no_compliance_to_tell_of_where_no_rule_names_a_control(page, clean):
    assert "Compliance" not in page(replace(clean, compliance=[])).found("h2")


def test_which_rules_ran_with_what_from_which_file(page, report):
    assert page(report).found("table", class_="policy") == [
        (
            "Settings of each rule Rule Parameters "
            "unrestricted rules.yaml:3 no parameters "
            "provider rules.yaml:12 severity = low set at audit.yaml:3 "
            'allowed = ["github"] set at audit.yaml:4 strict = true'
        ),
        f"Rule files File SHA-256 Rules that ran rules.yaml {'ab' * 32} 2 rules",
    ]


def test_what_a_finding_says(page, full):
    new, _, waived, _ = full.results
    assert page(full).found("li", id=f"f-{new.fingerprint}") == [
        f"A a new a can be used by every project restrictions.restricted = false #{new.fingerprint[:12]}"
    ]
    assert page(full).found("li", id=f"f-{waived.fingerprint}") == [
        (
            "B b low Provider is allowed waived new b uses quay restrictions.restricted = false "
            f"Migrated in Q1 – accepted by ops@example.com until 2027-01-31 #{waived.fingerprint[:12]}"
        )
    ]


def test_the_team_is_shown_only_where_there_are_teams(page, report, full):
    assert page(report).found("label") == ["Search", "Severity", "Rule", "Group by", "Sort by"]
    labels = page(full).found("code")
    assert [each for each in labels if "/" in each] == ["payments/t"]
    assert page(full).found("label") == ["Search", "Severity", "Rule", "Team", "Change", "Group by", "Sort by"]


def test_an_account_is_not_taken_for_a_credential(page, with_account):
    (found,) = (each for each in with_account.results if each.resource.type == "account")
    (shown,) = page(with_account).found("li", id=f"f-{found.fingerprint}")
    assert shown.startswith("Team payments as a whole team payments holds more than 100")
    assert "1 account" in page(with_account).found("summary")


def test_what_changed_is_told_before_all_else(page, full):
    read = page(full)
    (section,) = read.found("section", aria_labelledby="changed")
    assert section == (
        "What changed Since the report of 2026-11-17 06:00 UTC, run fedcba9876543210, which was incomplete. "
        "the earlier report was incomplete: what is new may have been there "
        "new 1 ongoing 0 resolved 2 unsettled 2"
    )
    (resolved,) = read.found("section", aria_labelledby="resolved")
    assert resolved == (
        "Resolved Violations of the earlier report that are none any more. 2 resolved "
        "Y y high Restricted to projects fixed y can be used by every project "
        "Z z high Restricted to projects gone z can be used by every project"
    )
    (unsettled,) = read.found("section", aria_labelledby="unsettled")
    assert unsettled == (
        "Unsettled Violations of the earlier report that are not resolved, but unknown. 2 unsettled "
        "C c high Restricted to projects could not be evaluated c can be used by every project "
        "Z z high former rule did not run z can be used by every project"
    )


def test_where_nothing_was_compared_the_reason_is_told_and_no_counts(page, full):
    comparison = replace(full.comparison, refused="it is about another account", cautions=[], new=0)
    (section,) = page(replace(full, comparison=comparison, resolved=[], unsettled=[])).found(
        "section", aria_labelledby="changed"
    )
    assert section == (
        "What changed Nothing was compared with the report of 2026-11-17 06:00 UTC, run fedcba9876543210, "
        "which was incomplete. it is about another account"
    )


@pytest.fixture
def bounded(monkeypatch):
    monkeypatch.setattr(htmlview, "WORST", 0)
    monkeypatch.setattr(htmlview, "REST", 1)


def test_what_is_too_much_for_a_page_is_counted_by_rule_and_named_as_being_in_the_json_report(page, full, bounded):
    alone = "only in the JSON report (report.json, written by --format json)"
    other = replace(full.results[1], rule_id="provider", fingerprint="0" * 32)
    read = page(replace(full, results=[*full.results, other]))
    assert read.found("p", class_="caution") == [
        f"This page has the new and worst 0. The other 1 are counted here, and are {alone}."
    ]
    assert read.found("div", class_="more") == [
        f"1 of 1 are {alone}.",  # a rule's own
        f"1 of 2 are {alone}: 1 of Provider is allowed",  # not evaluated
        f"1 of 2 are {alone}: 1 of Restricted to projects",  # resolved
        f"1 of 2 are {alone}: 1 of former",  # unsettled
    ]
    assert read.found("span", class_="count")[0] == "1 violation"


def test_no_link_leads_to_what_is_left_out(page, full, bounded):
    beyond = replace(full.results[1], rule_id="provider", fingerprint="0" * 32)
    read = page(replace(full, results=[*full.results, beyond]))
    ids = {given["id"] for _, given in read.elements if "id" in given}
    assert {link[1:] for link in read.values("a", "href") if link.startswith("#")} <= ids
    assert f"f-{beyond.fingerprint}" not in ids
    assert "#about-provider" in read.values("a", "href")


def test_the_sections(page, full, clean):
    assert page(full).found("h2") == [
        "What changed",
        "At a glance",
        "Violations",
        "Could not be evaluated",
        "Waived",
        "Passed or not applicable",
        "Resolved",
        "Unsettled",
        "To be looked at",
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
