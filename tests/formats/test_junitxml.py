from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st

from northflank_audit.formats.junitxml import Case, Suite, document
from northflank_audit.printable import printable

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANYTHING)
@example("\ud800\udfff\ufffe\x00\x0b\x1b\r")
@example("]]> <!-- & \"'")
def test_any_text_can_be_written_and_shows_as_what_it_is(text):
    case = Case(text, text, "failure", type=text, message=text, text=f"1\n{text}\n3", file=text)
    written = document(text, [Suite(text, [case, case._replace(ended="passed")])])
    root = ET.fromstring(written.encode())
    told = root[0][0][0]
    shown = printable(text)
    assert {root.get("name"), root[0].get("name"), root[0][0].get("classname"), told.get("message")} == {shown}
    assert told.text == "\n".join(["1", *map(printable, text.split("\n")), "3"])
    assert root[0][1].find("system-out").text == told.text


def test_what_is_not_said_is_not_written():
    written = document("n", [Suite("s", [Case("passed", "c"), Case("skipped", "c", "skipped", message="why")])])
    assert written == (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        '<testsuites name="n" tests="2" failures="0" errors="0" time="0.000">\n'
        '  <testsuite name="s" tests="2" failures="0" errors="0" time="0.000" skipped="1">\n'
        '    <testcase name="passed" classname="c" time="0.000" />\n'
        '    <testcase name="skipped" classname="c" time="0.000">\n'
        '      <skipped message="why">why</skipped>\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )
