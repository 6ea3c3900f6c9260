import pytest

from northflank_audit.errors import FetchError
from northflank_audit.northflank.paging import Account, pages


class Fake:
    """A client whose answers are given."""

    def __init__(self, *answers):
        self._answers = iter(answers)
        self.queries = []

    def get(self, path, query, **_):
        self.queries.append(dict(query))
        return next(self._answers)


def answer(ids, more=False, cursor=None, count=None, **pagination):
    pagination = {"hasNextPage": more, "count": len(ids) if count is None else count, **pagination}
    if cursor is not None:
        pagination["cursor"] = cursor
    return {"data": {"credentials": [{"id": i} for i in ids]}, "pagination": pagination}


def read(*answers):
    fake = Fake(*answers)
    return fake, list(pages(fake, "/v1/x", "credentials", page_size=100, what="list", permission="p"))


def test_a_cursor_is_followed_even_where_has_next_page_is_false():
    fake, found = read(answer("a", True, "c1"), answer("b", False, "c2"), answer("c"))
    assert [item["id"] for page in found for item in page.items] == ["a", "b", "c"]
    assert fake.queries == [{"per_page": 100}, {"per_page": 100, "cursor": "c1"}, {"per_page": 100, "cursor": "c2"}]


def test_page_is_counted_up_where_there_is_no_cursor():
    fake, _ = read(answer("a", True), answer("b", True, ""), answer("c"))
    assert fake.queries == [{"per_page": 100}, {"per_page": 100, "page": 2}, {"per_page": 100, "page": 3}]


def test_an_empty_account_is_one_page():
    fake, found = read(answer([]))
    assert (len(fake.queries), found[0].items, found[0].contradictions) == (1, [], [])


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([answer("a", True, "c"), answer([], True, "d")], "page 2: the page is empty and yet claims a next one"),
        ([answer("a", True, "c"), answer("b", True, "c")], "page 2: the cursor came before"),
        ([answer("a", True), answer("a", True)], "page 2: the page holds only what earlier pages held"),
        ([answer("a", True, 7)], "the cursor is not text"),
        ([{"data": {}, "pagination": {}}], "no list 'data.credentials'"),
        ([[]], "no list 'data.credentials'"),
        ([{"data": {"credentials": []}}], "has no 'pagination'"),
        ([{"data": {"credentials": []}, "pagination": {"count": 0}}], "does not say whether there is more"),
    ],
)
def test_a_contradiction_ends_the_list_quickly(answers, problem):
    with pytest.raises(FetchError, match=problem):
        read(*answers)


def test_a_count_that_differs_and_items_without_an_id_are_told():
    _, (page,) = read(
        {
            "data": {"credentials": [{"id": "a"}, {"id": ""}, 7, {"name": "x"}]},
            "pagination": {"hasNextPage": False, "count": 5},
        }
    )
    assert page.count == 5
    assert page.contradictions == [
        "list, page 1: it says that it has 5 items, and has 4",
        "list, page 1: 3 of 4 items have no id, and could not be judged",
    ]


def test_an_empty_page_that_was_promised_is_warned_of():
    _, (first, last) = read(answer("a", True, "c"), answer([]))
    assert (first.warnings, last.contradictions) == ([], [])
    assert last.warnings == ["list, page 2: it is empty, although the page before said that there is more"]


@pytest.mark.parametrize("key", ["credentials", "projects", "teams"])
def test_a_promised_page_that_only_repeats_is_a_contradiction(key):
    def told(*answers):
        named = [{**each, "data": {key: each["data"]["credentials"]}} for each in answers]
        found = pages(Fake(*named), "/v1/x", key, page_size=100, what="list", permission="p")
        return [each for page in found for each in page.contradictions]

    wrong = "list, page 2: the page holds only what earlier pages held, although the page before promised more"
    assert told(answer("ab", True, "c"), answer("ab")) == [wrong]
    assert told(answer("ab", True), answer("b")) == [wrong]
    assert told(answer("ab", True, "c"), answer("bc")) == []
    assert told(answer("a")) == []


def test_a_page_of_more_items_than_were_asked_for_is_a_contradiction():
    def told(count):
        fake = Fake(answer([str(each) for each in range(count)]))
        (page,) = pages(fake, "/v1/x", "credentials", page_size=2, what="list", permission="p")
        assert len(page.items) == count
        return page.contradictions

    assert told(2) == []
    assert told(3) == ["list, page 1: 3 items came where 2 at most were asked for"]


@pytest.mark.parametrize("identity", [".", ".."])
def test_an_id_that_an_address_would_read_as_another_is_not_asked_for(identity):
    with pytest.raises(FetchError, match="can't be asked for"):
        Account(None).detail(identity)
    with pytest.raises(FetchError, match="can't be asked for"):
        _ = Account(identity).path


def test_ids_are_encoded_in_paths():
    assert Account("a/b").detail("../x?y") == "/v1/teams/a%2Fb/integrations/registries/..%2Fx%3Fy"
    assert Account(None).path == "/v1/integrations/registries"
