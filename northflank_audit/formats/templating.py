"""Loads templates: sandboxed, and with an error for every undefined name."""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.sandbox import SandboxedEnvironment

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats.link import address
from northflank_audit.formats.policyview import controls, settings, verdict_counts
from northflank_audit.formats.ruletext import plain
from northflank_audit.formats.text import (
    annotated,
    annotation_words,
    identity,
    kinds,
    label,
    many,
    moment,
    narrowed,
    new_first,
    pages_read,
    plural,
    sentence,
    teamless,
)
from northflank_audit.formats.view import evidence


def environment(finalize: Callable[[Any], Any], *, html: bool) -> SandboxedEnvironment:
    """Return an environment whose every expression goes through `finalize`, and for HTML through its escaping too."""
    made = SandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_cache(f"{finalize.__module__}-{html}"),
        autoescape=html,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "address": address,
        "annotated": annotated,
        "annotation_words": annotation_words,
        "controls": controls,
        "evidence": evidence,
        "identity": identity,
        "kinds": kinds,
        "label": label,
        "many": many,
        "moment": moment,
        "narrowed": narrowed,
        "new_first": new_first,
        "pages_read": pages_read,
        "plain": plain,
        "plural": plural,
        "sentence": sentence,
        "settings": settings,
        "verdict_counts": verdict_counts,
        "teamless": teamless,
    }
    return made


class _Cache(FileSystemBytecodeCache):
    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a compiled template, if it can be read."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, if the folder can be written."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _cache(environment_name: str) -> BytecodeCache | None:
    """Return where the compiled templates of an environment are kept: beside our own bytecode, and trusted as much.

    Compiling them takes a third of a short run. As of modules, nothing is kept where Python is told not to.
    """
    if sys.dont_write_bytecode:
        return None
    folder = Path(cache_from_source(__file__)).parent
    return _Cache(str(folder), f"%s-{environment_name}-{version('jinja2')}.jinja2")
