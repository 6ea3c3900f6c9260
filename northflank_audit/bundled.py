"""Paths of bundled files, in a checkout or the installed package, and which rules are in them."""

import re
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
_WHEEL = _PACKAGE / "_bundled"
_ROOT = _WHEEL if _WHEEL.is_dir() else _PACKAGE.parent

RULES = _ROOT / "rules"
"""The bundled rule files."""

TEMPLATES = _ROOT / "templates"
"""The Jinja2 templates of the reports."""

DEMO_CONFIG = _PACKAGE / "emulator" / "demo-audit.yaml"
DEMO_WAIVERS = _PACKAGE / "emulator" / "demo-waivers.yaml"
"""The policy of `--demo`."""

_RULE = re.compile(r"^  - id: ([\w-]+)$", re.MULTILINE)


@cache
def rule_packs() -> dict[str, str]:
    """Return the ids of all bundled rules, each with the pack that it is in: `pack:network`."""
    files = [("default", RULES / "registry-credentials.yaml")]
    files += [(file.stem, file) for file in sorted((RULES / "packs").glob("*.yaml"))]
    return {rule_id: f"pack:{pack}" for pack, file in files for rule_id in _RULE.findall(file.read_text("utf-8"))}
