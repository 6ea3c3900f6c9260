import bz2
import gzip
import json
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.jsontext import DuplicateKey, InvalidJSON, as_utf8, check, decode

words = st.sampled_from(["a", "b", "a:b", '"', "\\", "ä", "\n"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(words, inner), max_size=4).map(tuple),
)


@st.composite
def written(draw, value):
    """Write a value in one of its spellings; a tuple stands for an object's pairs, which may repeat a key."""
    blank = draw(st.sampled_from(["", " ", "\n", "\t\r\n"]))
    if isinstance(value, tuple):
        pairs = [f"{draw(spelled(key))}{blank}:{blank}{draw(written(inner))}" for key, inner in value]
        return "{" + blank + f"{blank},".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + f",{blank}".join(draw(written(inner)) for inner in value) + f"{blank}]"
    return draw(spelled(value)) if isinstance(value, str) else json.dumps(value)


def spelled(text):
    escaped = "".join(f"\\u{ord(each):04x}" for each in text)
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False), f'"{escaped}"'])


@given(values.flatmap(written))
def test_a_key_that_stands_twice_is_noticed_in_any_spelling_and_nothing_else_is(text):
    """As Python's own decoder tells it, pair by pair."""
    repeated = []

    def pairs(found):
        repeated.append(len(dict(found)) < len(found))
        return dict(found)

    expected = json.loads(text, object_pairs_hook=pairs)
    if any(repeated):
        with pytest.raises(DuplicateKey):
            decode(text.encode())
    else:
        assert decode(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 1}', "the key 'a' occurs twice in one object (line 1, column 10)"),
        ('{"ä": [{"x": 1},\n {"b": "{", "\\u0062": 2}]}', "the key 'b' occurs twice in one object (line 2, column 13)"),
        ('{"u:p@h": 1, "u\\u003ap@h": 2}', "a key occurs twice in one object (line 1, column 14)"),
        ("{", "not JSON (Input data was truncated)"),
        ("[" * 100_000, "nested too deeply"),
        ("[1e999]", "not JSON (Number out of range - at `$[0]`)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text, message):
    with pytest.raises(InvalidJSON) as caught:
        decode(text.encode())
    assert str(caught.value) == message


@pytest.mark.parametrize(("packer", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)])
def test_a_compressed_file_is_told(packer, pack):
    with pytest.raises(InvalidJSON, match=rf"^not JSON \(it is compressed with {packer}\)$"):
        check(pack(b"{}"))


def test_a_key_is_told_from_the_same_word_elsewhere():
    text = '{"a": {"a": ["a", {"a": "a"}]}, "b": "\\"a\\": 1, \\"a\\": \\u003a"}'
    assert decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_text_is_read_in_any_unicode_encoding(encoding):
    assert as_utf8('{"ä": "💥"}'.encode(encoding)).decode() == '{"ä": "💥"}'
    assert as_utf8("".encode(encoding)) == b""


def test_text_in_another_encoding_is_told_by_its_byte_since_the_decoder_knows_no_place():
    with pytest.raises(InvalidJSON, match=r"^not JSON \(not UTF-8 text: byte 0xe4\)$"):
        decode('{"name": "Käse"}'.encode("latin-1"))


@pytest.mark.parametrize("content", [b"\xff\xfe{", b"{\0\0\0\0", "{\ud800}".encode("utf-16-le", "surrogatepass")])
def test_half_a_character_is_no_text(content):
    with pytest.raises(UnicodeDecodeError):
        as_utf8(content)
