"""Paths of bundled files, in a checkout or the installed package."""

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
