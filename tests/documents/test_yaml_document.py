"""What of a YAML file is made into values, and how much of it at most."""

import pytest

from northflank_audit.documents import yaml_document
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("[a, b, c, d, e]", True),  # the list itself is the sixth
        ("[a, b, c, d, e, f]", False),
        ("[[a, b, c, d]]", True),
        ("[[a, b, c, d, e]]", False),
        ("{a: b, c: d}", True),
        ("{a: b, c: d, e: f}", False),
        ("[&x [a], *x, b]", True),
        ("[&x [a, b], *x]", False),
        ("[&x a, *x, *x, *x, *x]", True),
        ("[&x a, *x, *x, *x, *x, *x]", False),
        ("&x [*x]", False),
        ("[&- a, *-, *-, *-, *-, *-]", False),
    ],
)
def test_no_more_values_than_the_bound_with_aliases_followed(monkeypatch, text, fits):
    monkeypatch.setattr(yaml_document, "MAX_NODES", 6)
    if fits:
        assert Document(text, "f.yaml").value
    else:
        with pytest.raises(FileErrors, match="too many values"):
            Document(text, "f.yaml")


def test_as_deep_as_the_bound_and_no_deeper(monkeypatch):
    monkeypatch.setattr(yaml_document, "MAX_DEPTH", 3)
    assert Document("[[a]]", "f.yaml").value == [["a"]]
    with pytest.raises(FileErrors, match="too deeply nested"):
        Document("[[[a]]]", "f.yaml")
