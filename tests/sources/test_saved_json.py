"""The streamed reader, against a decoder of whole documents."""

import io
import json
import random
import re
import tracemalloc
from contextlib import ExitStack

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from northflank_audit import jsontext
from northflank_audit.sources import saved_json
from northflank_audit.sources.saved_json import EMPTY, Changed, Records, read

texts = st.sampled_from(["a", "id", "}", '"}, {"', "\\", "[", "ä", "\n", "a:b", "x" * 30])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.just(10**400) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
records = st.lists(st.dictionaries(texts, values, max_size=3) | values, max_size=8)
documents = st.one_of(
    values,
    records,
    st.dictionaries(st.sampled_from(["data", "records", "pagination", "}"]), records | values, max_size=3),
    st.fixed_dictionaries({"data": st.fixed_dictionaries({"data": st.fixed_dictionaries({"items": records})})}),
)
FAULTS = ("", ",", "}", "]", "{", "[", '"', "\\", ":", "0", "1e999", "NaN", "\ud800", "\0", " ", '"a":1,"a":2,', "//")


@st.composite
def texts_of_documents(draw):
    """Return a document's text, perhaps with a fault, as bytes that may not be UTF-8."""
    value = draw(documents)
    indent = draw(st.sampled_from([None, 1]))
    text = json.dumps(value, indent=indent, ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        end = place + draw(st.integers(0, 3))
        text = text[:place] + draw(st.sampled_from(FAULTS)) + text[end:]
    return text.encode(errors="surrogatepass")


def streamed(content):
    with ExitStack() as copies:
        return _whole(read(io.BytesIO(content), copies))


def _whole(value):
    if isinstance(value, Records):
        found = list(value)
        assert len(value) == len(found)
        return found
    return {key: _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.fixture(params=[(40, 0), (60, 2), (256 * 1024, 16)], ids=["counted", "both", "guessed"])
def _small_pages(request, monkeypatch):
    monkeypatch.setattr(saved_json, "PAGE", request.param[0])
    monkeypatch.setattr(saved_json, "_TRIES", request.param[1])
    monkeypatch.setattr(saved_json, "_CHUNK", 16)


@pytest.mark.usefixtures("_small_pages")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts_of_documents())
def test_it_reads_what_a_decoder_of_whole_documents_reads_and_refuses_the_same(content):
    try:
        text = jsontext.as_utf8(content)
        expected = jsontext.decode(text) if text.strip() else EMPTY
    except jsontext.DuplicateKey as error:
        with pytest.raises(jsontext.DuplicateKey, match=f"^{re.escape(str(error))}$"):  # with line and column
            streamed(content)
    except (jsontext.InvalidJSON, UnicodeDecodeError) as error:
        with pytest.raises(type(error)):
            streamed(content)
    else:
        assert streamed(content) == expected


def many(count):
    return [{"id": str(n), "x": {"y": [n, "}]"] * (n % 3)}} for n in range(count)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_text_of_any_encoding_is_read(monkeypatch, encoding):
    monkeypatch.setattr(saved_json, "PAGE", 300)
    value = {"data": {"ä": many(50)}, "pagination": {"hasNextPage": False}}
    assert streamed(json.dumps(value, ensure_ascii=False).encode(encoding)) == value


def test_the_place_of_a_fault_is_that_in_the_whole_file(monkeypatch):
    monkeypatch.setattr(saved_json, "PAGE", 300)
    lines = json.dumps({"credentials": many(90)}, indent=1).split("\n")
    at = next(at for at, line in enumerate(lines) if '"70"' in line)
    lines[at] = lines[at].replace('"id":', '"id": 1, "id":')
    content = "\n".join(lines).encode()
    for broken in (content, content.replace(b'"89"', b'"89" x')):
        with pytest.raises(jsontext.InvalidJSON) as whole:
            jsontext.decode(broken)
        with pytest.raises(jsontext.InvalidJSON) as caught:
            streamed(broken)
        assert str(caught.value) == str(whole.value)


def test_a_file_that_changes_meanwhile_is_not_read_as_if_it_were_the_same(monkeypatch):
    monkeypatch.setattr(saved_json, "PAGE", 300)
    content = bytearray(json.dumps({"credentials": many(90)}).encode())
    file = io.BytesIO(content)
    with ExitStack() as copies:
        value = read(file, copies)
        place = random.Random(1).choice([at for at in range(len(content)) if content[at : at + 2] == b"}]"])
        file.getbuffer()[place - 3 : place - 2] = b" "
        with pytest.raises(Changed):
            list(value["credentials"])


def test_it_takes_no_more_memory_for_more_records():
    def peak(count):
        content = msgspec.json.encode({"credentials": many(count)})
        tracemalloc.start()
        try:
            with ExitStack() as copies:
                found = read(io.BytesIO(content), copies)
                assert sum(1 for _ in found["credentials"]) == count
            return tracemalloc.get_traced_memory()[1] - len(content)
        finally:
            tracemalloc.stop()

    few, more = peak(20_000), peak(80_000)
    assert more < 1.5 * few
