"""How templates are read: sandboxed, and with an error for every name that there is not."""

from collections.abc import Callable
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats.link import address
from northflank_audit.formats.policyview import controls, settings, tally
from northflank_audit.formats.ruletext import plain
from northflank_audit.formats.text import (
    identity,
    kinds,
    label,
    many,
    moment,
    narrowed,
    new_first,
    pages_read,
    plural,
    teamless,
)
from northflank_audit.formats.view import evidence


def environment(finalize: Callable[[Any], Any], *, html: bool) -> SandboxedEnvironment:
    """Return an environment whose every expression goes through `finalize`, and for HTML through its escaping too."""
    made = SandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=html,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "address": address,
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
        "settings": settings,
        "tally": tally,
        "teamless": teamless,
    }
    return made
