"""Loads templates, with an error for every undefined name.

They are files of this package, and trusted as its modules are; outside text is only ever a value in them.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, ClassVar, Final

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from markupsafe import Markup, escape

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats.link import address
from northflank_audit.formats.policyview import controls, met, numbers, parameters_to_set, settings, verdict_counts
from northflank_audit.formats.ruletext import plain
from northflank_audit.formats.text import (
    age,
    annotated,
    annotation_words,
    kinds,
    label,
    many,
    moment,
    narrowed,
    new_first,
    pages_read,
    plural,
    sentence,
)
from northflank_audit.formats.view import evidence
from northflank_audit.installed import UNKNOWN, version
from northflank_audit.model import account_name

LONGEST: Final = 1000
"""Characters of a text whose form is kept."""
_TEXTS: Final = 2048
"""Such texts, for each environment."""


def remembered(form: Callable[[Any], Markup]) -> Callable[[Any], Markup]:
    """Return what forms values, and keeps short texts: reports repeat those of rules, and fleets repeat reports."""
    of_text = lru_cache(_TEXTS)(form)

    def formed(value: Any) -> Markup:
        if value.__class__ is str and len(value) <= LONGEST:  # most are
            return of_text(value)
        if isinstance(value, Markup):
            return form(value)
        text = str(value)
        return of_text(text) if len(text) <= LONGEST else form(text)

    return formed


def environment(finalize: Callable[[Any], Any], *, html: bool) -> Environment:
    """Return an environment in which every expression passes `finalize`, and for HTML also escaping."""
    templates = (_Pages if html else Environment)(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_cache(f"{finalize.__module__}-{'html' if html else 'text'}"),
        autoescape=html,
        undefined=StrictUndefined,
        auto_reload=False,  # the files are looked for once, not for each report
        finalize=remembered(lambda value: escape(finalize(value))) if html else finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "account_name": account_name,
        "address": address,
        "age": age,
        "annotated": annotated,
        "annotation_words": annotation_words,
        "controls": controls,
        "evidence": evidence,
        "kinds": kinds,
        "label": label,
        "many": many,
        "met": met,
        "moment": moment,
        "narrowed": narrowed,
        "new_first": new_first,
        "numbers": numbers,
        "pages_read": pages_read,
        "parameters_to_set": parameters_to_set,
        "plain": plain,
        "plural": plural,
        "sentence": sentence,
        "settings": settings,
        "verdict_counts": verdict_counts,
    }
    return templates


class _EscapedBefore(CodeGenerator):
    """Compiles expressions to what `finalize` makes of them, which is escaped.

    Jinja would escape it again, which takes a third of the time of a page.
    """

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002 - as Jinja's own
        self.write(finalize.src)

    def _output_child_post(self, node: Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002 - as Jinja's own
        self.write(")")


class _Pages(Environment):
    code_generator_class = _EscapedBefore


class _Cache(FileSystemBytecodeCache):
    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a compiled template, if it can be read."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, if the folder can be written."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


class _Memory(BytecodeCache):
    """Keeps compiled templates while the process runs, because a long report is rendered several times."""

    kept: ClassVar[dict[str, bytes]] = {}

    def __init__(self, environment_name: str) -> None:
        """`name` is that of the environment for which templates are compiled."""
        self._environment_name = environment_name

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a compiled template, if it was kept."""
        if code := self.kept.get(f"{bucket.key}-{self._environment_name}"):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template."""
        self.kept[f"{bucket.key}-{self._environment_name}"] = bucket.bytecode_to_string()


def _cache(environment_name: str) -> BytecodeCache:
    """Return where an environment's compiled templates are kept: beside our own bytecode, and trusted as much.

    Compiling them takes a third of a short run. As for modules, nothing is written with PYTHONDONTWRITEBYTECODE;
    nor for an unknown version of Jinja2, since another one may compile them differently.
    """
    jinja2 = version("jinja2")
    if sys.dont_write_bytecode or jinja2 == UNKNOWN:
        return _Memory(environment_name)
    folder = Path(cache_from_source(__file__)).parent
    return _Cache(str(folder), f"%s-{environment_name}-{jinja2}.jinja2c")
