"""What a config file that was found may not say."""

from northflank_audit.cli.app import run_command
from northflank_audit.config.found_config import REFUSED, WEAKENING, WRITTEN


def test_what_it_may_not_say_are_options_that_there_are():
    options = {param.name.replace("_", "-") for param in run_command.params}
    assert {*REFUSED, *WRITTEN, *WEAKENING} - options == {"overrides"}
