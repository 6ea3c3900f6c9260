"""The figures of benchmarks/README.md: each a ratio of two things measured in turn, in one run.

    make bench            all of them
    make bench ONLY=rules one of them: startup, audit, rules, unknowns, pages, html, account, large, history,
                          site, fleet, soak, ways

Cloud Custodian is installed into a virtual environment of its own, benchmarks/.venv.
"""

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

BENCHMARKS = {
    "startup": "custodian:startup",
    "audit": "audits:whole_audit",
    "rules": "custodian:rules",
    "unknowns": "evaluation:unknowns",
    "pages": "audits:pages",
    "html": "html_report:report_page",
    "account": "audits:account",
    "large": "large:large",
    "history": "history:year",
    "site": "history:site",
    "fleet": "fleet:thousand",
    "soak": "fleet:soak",
    "ways": "fleet:ways",
}
"""Module and function of each, by the name for ONLY; imported when they are measured, as each needs other libraries."""

if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as users have it: modules and templates are compiled once
    only = os.environ.get("ONLY", "")
    with tempfile.TemporaryDirectory() as scratch:
        for name, benchmark in BENCHMARKS.items():
            if only in ("", name):
                module, function = benchmark.split(":")
                getattr(import_module(module), function)(scratch)
