import pytest

from northflank_audit.policy.expressions.cel import Expression

CASES = {
    "credential.restrictions.projects.exists(p, p == 'a')": [
        "credential.restrictions.projects",
        "credential.restrictions.projects.[]",
    ],
    "resources.exists(r, has(r.registryUrl) && r.id != credential.id)": [
        "resources",
        "resources.[].registryUrl",
        "resources.[].id",
        "credential.id",
    ],
    "resources.filter(r, r.provider == 'a').exists(s, s.name == 'b')": [
        "resources",
        "resources.[]",
        "resources.[].provider",
        "resources.[].name",
    ],
    "resources.map(r, r.restrictions.projects).exists(p, p.exists(q, q == 'a'))": [
        "resources",
        "resources.[].restrictions.projects",
        "resources.[].restrictions.projects.[]",
    ],
    "cel.bind(r, credential.restrictions, has(r.restricted))": [
        "credential.restrictions",
        "credential.restrictions",
        "credential.restrictions.restricted",
    ],
    "resources.all(r, resources.exists(s, s.id == r.name))": [
        "resources",
        "resources",
        "resources.[].id",
        "resources.[].name",
    ],
    "['a', 'b'].exists(x, x == credential.name)": ["credential.name"],
}


@pytest.mark.parametrize("source", CASES)
def test_what_macros_read_of_items_is_known(source):
    found = sorted({".".join(read.path) for read in Expression(source).reads_within})
    assert found == sorted(set(CASES[source]))


def test_reads_of_items_are_told_from_reads_of_variables():
    expression = Expression("resources.exists(r, r.id == credential.id)")
    assert [read.path for read in expression.reads] == [("resources",), ("credential", "id")]
