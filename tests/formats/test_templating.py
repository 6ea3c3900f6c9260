"""Compiled templates that are kept: by environment, and never where they can't be."""

import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from northflank_audit.formats import templating


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep bytecode below a folder, as Python does if told to."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    Path(cache_from_source(templating.__file__)).parent.mkdir(parents=True)
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "a.j2").write_text("{{ text }}{{ '<' }}")
    monkeypatch.setattr(templating, "TEMPLATES", templates)
    return tmp_path


def rendered(*, html: bool) -> str:
    made = templating.environment(lambda value: value, html=html)
    return made.get_template("a.j2").render(text="<b>")


def test_a_template_is_compiled_once(kept: Path) -> None:
    assert rendered(html=True) == "&lt;b&gt;&lt;"
    (found,) = kept.rglob("*.jinja2c")
    before = found.read_bytes()
    found.write_bytes(before[:-40])  # as after a full disk
    assert rendered(html=True) == "&lt;b&gt;&lt;"
    assert found.read_bytes() == before


def test_what_escapes_shares_nothing_with_what_does_not(kept: Path) -> None:
    assert rendered(html=False) == "<b><"
    assert rendered(html=True) == "&lt;b&gt;&lt;"
    assert len(list(kept.rglob("*.jinja2c"))) == 2


def test_a_changed_template_is_compiled_anew(kept: Path) -> None:
    rendered(html=True)
    (kept / "templates" / "a.j2").write_text("{{ text }}!")
    assert rendered(html=True) == "&lt;b&gt;!"


def test_nothing_is_kept_where_python_keeps_no_bytecode(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(html=True) == "&lt;b&gt;&lt;"
    assert not list(kept.rglob("*.jinja2c"))


def test_a_folder_that_is_none_keeps_nothing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept / "file").write_text("")
    monkeypatch.setattr(sys, "pycache_prefix", str(kept / "file"))
    assert rendered(html=True) == "&lt;b&gt;&lt;"
