"""What is kept of an answer, for every declared type and part."""

import json
from pathlib import Path

import pytest
import yaml

from northflank_audit.resources import TYPES
from northflank_audit.resources.decode import completed, joined, listed, part_record, restored
from northflank_audit.resources.fields import Field, Kind
from northflank_audit.resources.paths import Items

PLANTED = "planted-Zq7!x9Lm2#"
VALUES = {
    Kind.TEXT: "text",
    Kind.BOOLEAN: True,
    Kind.NUMBER: 3,
    Kind.TIME: "2026-01-01T00:00:00Z",
    Kind.MAP: {"on": True},
}
PARTS = [(kind, part) for kind in TYPES.values() for part in kind.sources]


def full(node):
    """Return a record that has every declared field."""
    if isinstance(node, Field):
        return VALUES[node.kind]
    if isinstance(node, Items):
        return [full(node.item)]
    return {name: full(below) for name, below in node.items()}


def plant(record, steps, value):
    """Put a value at a path, through lists and the `*` of a map."""
    step, *rest = steps
    step = "any.example.com" if step == "*" else step
    if isinstance(record, list):
        for item in record:
            plant(item, steps, value)
    elif not rest:
        record[step] = value
    else:
        below = record.setdefault(step, {})
        plant(below if isinstance(below, dict | list) else record.setdefault(step, {}), rest, value)


def planted(part, value):
    record = full(part.field_tree)
    for path in (*part.secrets, *part.logins):
        steps = path.split(".")
        holder = record
        for step in steps[:-1]:  # a secret may stand where a derived field does
            if isinstance(holder, dict) and not isinstance(holder.get(step), dict | list):
                holder[step] = {}
            holder = holder[step] if isinstance(holder, dict) and step in holder else {}
        plant(record, steps, value)
    return record


@pytest.mark.parametrize(("kind", "part"), PARTS, ids=[f"{kind.name}/{part.name}" for kind, part in PARTS])
def test_no_declared_secret_survives_nor_what_repeats_it(kind, part):
    for value in (PLANTED, {"NAME": PLANTED}, [{"value": PLANTED, "name": "n"}]):
        record = planted(part, value)
        if part.secrets or part.logins:
            for field in part.fields:
                if field.free and field.path in record:
                    record[field.path] = f"see {PLANTED} there"
        assert PLANTED not in json.dumps(part_record(part, record, open_=kind.open))


@pytest.mark.parametrize(("kind", "part"), PARTS, ids=[f"{kind.name}/{part.name}" for kind, part in PARTS])
def test_what_nobody_declared_is_dropped_unless_the_type_is_open(kind, part):
    record = {**full(part.field_tree), "tomorrow": PLANTED, "nested": [{"secretThing": PLANTED}]}
    found = json.dumps(part_record(part, record, open_=kind.open and part.name == "list"))
    assert (PLANTED in found) is (kind.open and part.name == "list")


@pytest.mark.parametrize(("kind", "part"), PARTS, ids=[f"{kind.name}/{part.name}" for kind, part in PARTS])
def test_a_value_of_another_kind_keeps_its_kind_and_loses_what_is_in_it(kind, part):
    for odd in ({"k": PLANTED}, [{"k": PLANTED}], {"k": {"k": [PLANTED]}}):
        record = dict.fromkeys(part.field_tree, odd)
        assert PLANTED not in json.dumps(part_record(part, record))


def test_every_secret_that_the_documentation_names_is_declared_or_never_asked_for():
    facts = yaml.safe_load((Path(__file__).parent / "secrets.yaml").read_text())
    assert {row["type"] for row in facts} >= {kind.name for kind in TYPES.values() if kind.listing} - {"account"}
    for row in facts:
        kind = TYPES.get(row["type"])
        if kind is None:
            continue
        for where, name in (("secretInList", "list"), ("secretInDetail", "detail")):
            for path in row.get(where, ()):
                part = next((part for part in kind.sources if part.name == name), None)
                if part is None:
                    continue  # the endpoint is not called
                record = full(part.field_tree)
                plant(record, path.split("."), PLANTED)
                assert PLANTED not in json.dumps(part_record(part, record, open_=kind.open)), (kind.name, name, path)


def test_null_is_kept_where_it_means_something_and_nowhere_else():
    part = TYPES["api-token"].listing
    assert part_record(part, {"id": "a", "expiresAt": None, "lastUsedAt": None}) == {"id": "a", "expiresAt": None}


def test_personal_fields_are_kept_only_where_they_are_asked_for():
    part = TYPES["api-token"].listing
    item = {"id": "a", "creatorEmail": "ada@example.com"}
    assert part_record(part, item) == {"id": "a"}
    assert part_record(part, item, {"creatorEmail"}) == item


def test_of_variables_names_and_kinds_are_kept():
    part = TYPES["service"].part("detail")
    found = part_record(
        part, {"id": "a", "runtimeEnvironment": {"B": "${refs.x.y}", "A": f"postgres://u:{PLANTED}@db/x"}}
    )
    assert found["runtimeEnvironment"] == [
        {"name": "A", "kind": "credential-url"},
        {"name": "B", "kind": "reference"},
    ]


@pytest.mark.parametrize("name", ["runtimeEnvironment", "buildArguments", "runtimeFiles", "buildFiles"])
@pytest.mark.parametrize("value", [[{"name": "A", "value": PLANTED}], f"A={PLANTED}", 5, None, ["x"]])
def test_variables_that_are_no_map_are_not_the_same_as_none(name, value):
    part = TYPES["service"].part("detail")
    found = part_record(part, {"id": "a", "description": f"uses {PLANTED}", name: value})
    assert (name in found) == (value is not None)
    assert found.get(name) != []
    assert PLANTED not in str(found.get(name))


@pytest.mark.parametrize("separator", ["=", "= '", '="'])
def test_a_value_in_a_text_of_variables_is_masked_elsewhere(separator):
    part = TYPES["service"].part("detail")
    found = part_record(part, {"id": "a", "description": f"uses {PLANTED}", "buildArguments": f"A{separator}{PLANTED}"})
    assert PLANTED not in str(found)


def test_a_value_of_a_variable_is_masked_where_people_write():
    part = TYPES["service"].part("detail")
    item = {
        "id": "a",
        "runtimeEnvironment": {"PW": "hunter22x"},
        "tags": ["hunter22x"],
        "ports": [{"name": "hunter22x"}],
    }
    assert "hunter22x" not in str(part_record(part, item))


@pytest.mark.parametrize("odd", [5, "x", [1], {"rules": 5}, {"rules": "x"}, {"rules": [5]}])
def test_path_rules_of_another_kind_are_odd_and_no_crash(odd):
    part = TYPES["service"].part("detail")
    found = part_record(part, {"id": "a", "ports": [{"name": "web", "security": {"securePathConfiguration": odd}}]})
    modes = found["ports"][0]["security"]["pathModes"]
    assert modes in ({}, [{}])


@pytest.mark.parametrize(
    ("paths", "kept_of_it"),
    [
        ({"enabled": False, "rules": [{"accessMode": "protected"}]}, {"pathRulesEnabled": False, "pathModes": ["protected"]}),
        ({"enabled": True}, {"pathRulesEnabled": True}),
        ({"enabled": PLANTED}, {"pathRulesEnabled": "***"}),
        ({"rules": []}, {"pathModes": []}),
        (None, {}),
    ],
)  # fmt: skip
def test_of_path_rules_whether_they_apply_and_how_each_admits_is_kept(paths, kept_of_it):
    part = TYPES["service"].part("detail")
    found = part_record(
        part, {"id": "a", "ports": [{"security": {"verificationMode": "or", "securePathConfiguration": paths}}]}
    )
    assert found["ports"][0]["security"] == {"verificationMode": "or", **kept_of_it}


@pytest.mark.parametrize("name", ["job", "harness"])
def test_variables_of_jobs_and_harnesses_are_names_and_kinds_as_those_of_services(name):
    part = TYPES[name].part("detail")
    found = part_record(part, {"id": "a", "runtimeEnvironment": {"A": PLANTED}, "runtimeFiles": {"/f": PLANTED}})
    assert found["runtimeEnvironment"] == [{"name": "A", "kind": "plain"}]
    assert found["runtimeFiles"] == [{"path": "/f"}]


def test_a_part_in_a_field_adds_to_what_stands_there_and_masks_its_secrets_everywhere():
    job = TYPES["job"]
    record = {"id": "a", "description": f"runs {PLANTED}", "deployment": {"region": "eu"}}
    answer = {"docker": {"customCommand": PLANTED}, "external": {"imagePath": f"shop/{PLANTED}:1"}, "region": "eu"}
    assert completed(job, job.part("deployment"), record, answer) == {
        "id": "a",
        "description": "runs ***",
        "deployment": {"region": "eu", "external": {"imagePath": "shop/***:1"}},
    }


def test_headers_of_a_path_are_dropped_and_masked_in_it():
    part = TYPES["domain"].part("paths")
    headers = {"request": {"set": {"X-Key": PLANTED}, "remove": ["Authorization"]}}
    path = {
        "subdomain": "www",
        "name": f"www/{PLANTED}",
        "options": {"headers": headers, "corsPolicy": {"enabled": True}},
    }
    record = joined(part, {"name": "example.com"}, [path])
    assert record["paths"] == [{"subdomain": "www", "name": "www/***", "options": {"corsPolicy": {"enabled": True}}}]


@pytest.mark.parametrize("odd", [5, "x", {"a": 1}])
def test_logins_of_another_kind_are_odd(odd):
    part = TYPES["service"].part("detail")
    found = part_record(part, {"id": "a", "ports": [{"security": {"credentials": odd, "headers": odd}}]})
    assert found["ports"][0]["security"] == {"credentialCount": {}, "headerCount": {}}


def test_of_a_webhook_with_backslashes_the_host_alone_is_kept():
    part = TYPES["notification"].listing
    found = part_record(part, {"id": "a", "webhook": f"https://hooks.example.com\\services\\{PLANTED}"})
    assert found["webhook"] == {"scheme": "https", "host": "hooks.example.com"}


def test_of_a_webhook_scheme_and_host_are_kept():
    part = TYPES["notification"].listing
    found = part_record(
        part, {"id": "a", "name": f"posts to {PLANTED}", "webhook": f"https://Hooks.example.com/x/{PLANTED}"}
    )
    assert found["webhook"] == {"scheme": "https", "host": "hooks.example.com"}


def test_an_address_loses_its_user_and_says_that_it_had_one():
    part = TYPES["registry-credential"].listing
    found = part_record(part, {"id": "a", "registryUrl": "https://bot:tok@r.example.com/x"}, open_=True)
    assert (found["registryUrl"], found["urlHasUser"]) == ("https://r.example.com/x", True)


def test_a_stored_login_is_told_of_and_dropped():
    part = TYPES["registry-credential"].part("detail")
    found = part_record(part, {"id": "a", "credentials": {"username": "bot", "password": PLANTED}})
    assert found == {"id": "a", "credentials": {"stored": True}}
    assert part_record(part, {"id": "a"}) == {"id": "a", "credentials": {"stored": False}}


def test_an_id_stays_though_it_equals_a_secret():
    """A backup destination may be called as its bucket's key: what else in the report refers to it, must find it."""
    kind = TYPES["backup-destination"]
    found = listed(kind, {"name": PLANTED, "credentials": {"accessKey": PLANTED}, "description": f"of {PLANTED}"})
    assert found["name"] == PLANTED
    assert PLANTED not in json.dumps({**found, "name": ""})
    assert restored(kind, found)["name"] == PLANTED
