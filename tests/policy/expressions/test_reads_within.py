import pytest

from northflank_audit.policy.expressions.cel import CelError, Expression

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
    "resources.filter(r, [r.id] == ['a']).exists(s, s.name == 'b')": [  # the condition's list is not what is kept
        "resources",
        "resources.[]",
        "resources.[].id",
        "resources.[].name",
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


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("size(account) == 0", [5]),
        ("[account].all(a, !has(a.addons))", [1]),
        ("account.all(k, account[k].size() == 0)", [0, 15]),
        ("!(params.k in account)", [14]),
        ("account == {}", [0]),
        ("cel.bind(a, account, !has(a.addons))", [12]),
    ],
)
def test_an_account_as_a_whole_is_refused_with_its_place(source, places):
    with pytest.raises(CelError) as caught:
        Expression(source, "account")
    assert [(each.text, each.index) for each in caught.value.problems] == [
        ("use account.NAME; 'account' alone can't be read", place) for place in places
    ]


@pytest.mark.parametrize(
    "source",
    ["!('addons' in account)", "!has(account.addons)", "account['addons'].size() == 0", "account.addons.size() == 0"],
)
def test_a_list_that_a_rule_names_is_read_however_it_asks_for_it(source):
    assert {read.path for read in Expression(source, "account").reads_within} == {("account", "addons")}


def test_a_macros_own_name_may_be_account():
    assert Expression("['a'].all(account, account == 'a')", "account").evaluate({}) is True
