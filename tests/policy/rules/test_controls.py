"""The controls that bundled rules name exist in their frameworks; withdrawn ones don't count."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from northflank_audit.audit.not_visible import FACTS
from northflank_audit.config.policy import packs, read_rules

LISTED = yaml.safe_load(Path(__file__).with_name("controls.yaml").read_text())
RULES = {rule.id: rule for name in packs() for rule in read_rules([f"pack:{name}"]).checked()}


def numbers(text: str) -> Iterator[int]:
    for each in filter(None, text.split(",")):
        first, _, last = each.partition("-")
        yield from range(int(first), int(last or first) + 1)


def of_nist(families: dict[str, str]) -> Iterator[str]:
    for family, controls in families.items():
        for control in controls.split():
            number, _, enhancements = control.partition(":")
            yield f"{family}-{number}"
            yield from (f"{family}-{number}({each})" for each in numbers(enhancements))


def counted(sections: dict[Any, int]) -> Iterator[str]:
    return (f"{section}.{number + 1}" for section, count in sections.items() for number in range(count))


CONTROLS = {
    "nist-800-53": set(of_nist(LISTED["nist-800-53"])),
    "pci-dss": {*counted(LISTED["pci-dss"]["sections"]), *LISTED["pci-dss"]["deeper"]},
    **{name: set(counted(LISTED[name])) for name in ("cis-v8", "iso-27001", "soc2")},
}


def test_there_are_as_many_as_the_frameworks_say():
    assert {name: len(found) for name, found in CONTROLS.items()} == {
        "nist-800-53": 1011, "cis-v8": 153, "iso-27001": 93, "soc2": 61, "pci-dss": 250,
    }  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_every_control_of_a_rule_exists(rule):
    controls = RULES[rule].controls
    assert controls.keys() <= CONTROLS.keys()
    for framework, named in controls.items():
        assert set(named) <= CONTROLS[framework], framework
        assert len(set(named)) == len(named)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.text)
def test_every_control_that_only_what_is_not_visible_could_prove_exists(fact):
    for framework, named in fact.controls.items():
        assert set(named) <= CONTROLS[framework], framework


@pytest.mark.parametrize("none", ["AC-13", "AC-2(10)", "SI-9", "SC-7(1)"])
def test_withdrawn_controls_do_not_count(none):
    assert none not in CONTROLS["nist-800-53"]
