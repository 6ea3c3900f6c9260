"""What a config file that was found may not say."""

from northflank_audit.cli.run_command import run_command
from northflank_audit.config.untrusted_config import DISCLOSURE_OPTIONS, OUTPUT_OPTIONS, SOURCE_OPTIONS, VERDICT_OPTIONS
from tests.conftest import ROOT

SAFE = {
    "annotations", "compare", "config", "console-url", "csv-dialect", "details", "email-to", "format", "framework", "help",
    "heartbeat", "include", "log-format", "max-attempts", "max-requests", "metrics-push", "no-color",
    "no-progress", "notify-when", "page-size", "quiet", "reserve", "timeout", "verbose",
}  # fmt: skip
"""What neither redirects the token, nor discloses more, nor writes elsewhere, nor turns a violation into a success."""
SCOPE = {"team", "all-teams"}
"""What is audited, which every report says at its top."""


def test_every_option_was_looked_at():
    """An option that is new has to be put into one of these lists, whatever it does."""
    options = {param.opts[0].lstrip("-") for param in run_command.params}
    assert options - {*SOURCE_OPTIONS, *DISCLOSURE_OPTIONS, *OUTPUT_OPTIONS, *VERDICT_OPTIONS, *SAFE, *SCOPE} == set()


def test_what_it_may_not_say_are_options_that_there_are():
    options = {param.name.replace("_", "-") for param in run_command.params}
    assert {*SOURCE_OPTIONS, *DISCLOSURE_OPTIONS, *OUTPUT_OPTIONS, *VERDICT_OPTIONS} - options == {"overrides"}


def test_the_docs_name_them_all():
    page = (ROOT / "docs/configuration.md").read_text().split("## A config file that was found")[1].split("\n## ")[0]
    assert [
        each
        for each in (*SOURCE_OPTIONS, *DISCLOSURE_OPTIONS, *OUTPUT_OPTIONS, *VERDICT_OPTIONS)
        if f"`{each}`" not in page
    ] == []
