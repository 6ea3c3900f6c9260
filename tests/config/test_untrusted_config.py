"""What a config file that was found may not say."""

from northflank_audit.cli.app import run_command
from northflank_audit.config.untrusted_config import OUTPUT_OPTIONS, SOURCE_OPTIONS, VERDICT_OPTIONS


def test_what_it_may_not_say_are_options_that_there_are():
    options = {param.name.replace("_", "-") for param in run_command.params}
    assert {*SOURCE_OPTIONS, *OUTPUT_OPTIONS, *VERDICT_OPTIONS} - options == {"overrides"}
