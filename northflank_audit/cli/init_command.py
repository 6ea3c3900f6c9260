"""The command `init`."""

import os
from pathlib import Path
from typing import Final

import click

from northflank_audit.cli.completion import BY_METAVAR
from northflank_audit.cli.config_file import DEFAULT_CONFIG, NEARLY_DEFAULT
from northflank_audit.cli.rule_new import skeleton
from northflank_audit.errors import StartError
from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.printable import printable, spelt
from northflank_audit.printing import say
from northflank_audit.resources import TYPES

RULE_FILE: Final = "my-rules.yaml"
RULE_ID: Final = "my-registry-credential-name"

_CONFIG: Final = f"""\
# The settings of an audit: each option of `run` can be set here under its name. A flag beats the environment
# (NORTHFLANK_AUDIT_FAIL_ON), which beats this file. `config show` says which setting comes from where. Settings
# after a # are off.
#
# Name this file with `--config {DEFAULT_CONFIG}`. One that is only found in the working folder may come from others:
# it must not say where the token goes, and reports name its settings that weaken the verdict.

# Which rules run. `pack:default` is about registry credentials; `pack:everything` is about the whole account, and
# `plan --role` prints the permissions that it needs.
# In {RULE_FILE} is a rule to make your own; it does not run before its parameter is set.
rules:
  - pack:default
  - {RULE_FILE}

# Only some of them:
#min-severity: medium
#control: [soc2]
#skip-rule: [registry-credential-stale]

# Which account: a team, several, or all of the token's organisation. Without it, the token's own account.
#team: [my-team]
#all-teams: true

# What makes the exit code 1: violations of this severity or above (info, low, medium, high, critical, never).
#fail-on: high

# Violations that are accepted for a while, each with a reason, an owner and a last day: `waivers add` writes them.
#waivers: waivers.yaml

# Reports: which, and where (`formats` lists them).
#format: [html, md, json]
#output-dir: reports

# What to change of rules, by their ids. `rules explain ID` shows the allowed values of their parameters.
#overrides:
#  registry-credential-provider-allowed: {{severity: high, params: {{allowed: [github, ecr]}}}}
#  registry-credential-host-allowed: {{params: {{allowed: ["*.example.com"]}}}}
#  registry-credential-description-missing: off
"""


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", shell_complete=BY_METAVAR["DIR"])
def init_command(folder: str) -> None:
    """Write a commented audit.yaml and a rule file to start from. Overwrites nothing.

    A folder that does not exist is made.
    """
    texts = {DEFAULT_CONFIG: _CONFIG, RULE_FILE: skeleton(RULE_ID, TYPES[RESOURCE_TYPE], configured=False) + "\n"}
    taken = [name for name in (*texts, NEARLY_DEFAULT) if os.path.lexists(Path(folder, name))]
    if taken:
        raise StartError(
            f"{' and '.join(taken)} {'is' if len(taken) == 1 else 'are'} already there: nothing was written"
        )
    for name, text in texts.items():
        path = Path(folder, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise StartError(f"{printable(spelt(str(path)))}: can't be written ({error.strerror})") from None
        say(f"wrote {spelt(str(path))}")
    there = "" if Path(folder) == Path() else f"in {spelt(folder)}, where its paths begin, "
    say(f"next: {there}set NORTHFLANK_API_TOKEN and run with --config {DEFAULT_CONFIG}; --demo needs no token")
