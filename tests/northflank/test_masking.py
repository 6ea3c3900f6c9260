"""No secret stays in what came from outside, however it is spelt there."""

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.northflank.masking import TextMask

TOKEN = "nf-To+ken/=1234"
MASK = TextMask([TOKEN])


def every(text, spell):
    return "".join(map(spell, text))


@pytest.mark.parametrize(
    "spelt",
    [
        TOKEN,
        TOKEN.lower(),
        quote(TOKEN, safe=""),
        quote(TOKEN, safe="").lower(),
        quote(quote(TOKEN, safe=""), safe=""),
        every(TOKEN, lambda c: f"%{ord(c):02x}"),
        every(TOKEN, lambda c: f"\\u{ord(c):04X}"),
        every(TOKEN, lambda c: f"\\x{ord(c):02x}"),
        every(TOKEN, lambda c: f"\\u{{{ord(c):x}}}"),
        every(TOKEN, lambda c: f"&#{ord(c)};"),
        every(TOKEN, lambda c: f"&#x{ord(c):X};"),
        TOKEN.replace("+", "&plus;").replace("/", "&sol;").replace("=", "&equals;"),
        html.escape(quote(TOKEN, safe="")),
        TOKEN.replace("/", "\\/"),
        json.dumps(json.dumps(TOKEN.replace("/", "\\/")))[1:-1].strip('\\"'),
        TOKEN.encode().hex(),
        TOKEN.encode().hex().upper(),
    ],
)
def test_a_secret_is_masked_however_it_is_spelt(spelt):
    assert MASK.text(f"see {spelt} & 100% of \\ it") == "see *** & 100% of \\ it"
    assert MASK.text(f"{spelt}{spelt}") == "******"


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer ", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_of_base64_nothing_stays_that_a_part_of_the_secret_could_be_read_from(before, encode):
    masked = MASK.text(f"Basic {encode(before.encode() + TOKEN.encode()).decode()}")
    assert "***" in masked
    assert len(masked) < len(f"Basic {before}***") + 8


def test_keys_and_values_are_masked_at_any_depth():
    assert MASK.value({"a": [{TOKEN: f"x{TOKEN}"}, 1, None, True], "b": 1.5}) == {
        "a": [{"***": "x***"}, 1, None, True],
        "b": 1.5,
    }


def test_a_secret_that_holds_an_escape_itself_is_masked():
    assert TextMask(["abc%41def"]).text("abc%41def abc%2541def") == "*** ***"


def test_a_stand_in_is_no_secret():
    assert TextMask(["short", ""]).text("a short one") == "a short one"
    assert TextMask([]).value({"a": "b%41"}) == {"a": "b%41"}


@pytest.mark.parametrize(
    "text", ["", "100 % & more \\", "&notanentity; %zz \\q &#99999999;", "&amp;%41\\u0041", "İ%C3%A4"]
)
def test_other_text_stays_as_it_is(text):
    assert MASK.text(text) == text


@given(st.text(alphabet="%&\\;#ux{}0123456789abcdefn-T+/=ltgamp", max_size=60))
def test_any_text_is_taken(text):
    assert MASK.text(text) == text or "***" in MASK.text(text)
    assert MASK.text(f"{text} {TOKEN} {text}").count("***") >= 1


def test_a_body_is_searched_in_doubt():
    assert not MASK.may_be_in(b'{"a": "b"}')
    assert MASK.may_be_in(b'{"a": "\\u0041"}')
    assert MASK.may_be_in(TOKEN.encode())
    assert MASK.may_be_in(base64.b64encode(TOKEN.encode()))
    assert not TextMask([]).may_be_in(b"%&\\")
