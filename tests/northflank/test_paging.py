import pytest

from northflank_audit.errors import FetchError
from northflank_audit.northflank.paging import Listing, endpoint, pages, read_again


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


def listing(*keys, **more):
    return Listing(path="/v1/x", keys=keys, what="list", permission="p", **more)


REGISTRIES = listing("credentials")


def read(*answers):
    fake = Fake(*answers)
    return fake, list(pages(fake, REGISTRIES, 100))


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
        ([answer("a", True, "c"), answer([], True, "d")], "page 2: empty, but claims a next page"),
        ([answer("a", True, "c"), answer("b", True, "c")], "page 2: the cursor is a repeated one"),
        ([answer("a", True), answer("a", True)], "page 2: only repeats earlier pages"),
        ([answer("a", True, 7)], "the cursor is not text"),
        ([{"data": {}, "pagination": {}}], "no list 'data.credentials'"),
        ([[]], "no list 'data.credentials'"),
        ([{"data": {"credentials": []}}], "has no 'pagination'"),
        ([{"data": {"credentials": []}, "pagination": {"count": 0}}], "does not say whether there is a next page"),
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
        "list, page 1: 3 of 4 items have no id, and could not be evaluated",
    ]


def test_a_count_that_is_a_text_is_shown_as_one():
    _, (page,) = read({"data": {"credentials": []}, "pagination": {"hasNextPage": False, "count": "0"}})
    assert page.contradictions == ['list, page 1: it says that it has "0" items, and has 0']


def test_an_empty_page_that_was_promised_is_warned_of():
    _, (first, last) = read(answer("a", True, "c"), answer([]))
    assert (first.warnings, last.contradictions) == ([], [])
    assert last.warnings == ["list, page 2: empty, although the page before it said that there is more"]


@pytest.mark.parametrize("key", ["credentials", "projects", "teams"])
def test_a_promised_page_that_only_repeats_is_a_contradiction(key):
    def problems(*answers):
        named = [{**each, "data": {key: each["data"]["credentials"]}} for each in answers]
        found = pages(Fake(*named), listing(key), 100)
        return [each for page in found for each in page.contradictions]

    wrong = "list, page 2: only repeats earlier pages, although the page before promised more"
    assert problems(answer("ab", True, "c"), answer("ab")) == [wrong]
    assert problems(answer("ab", True), answer("b")) == [wrong]
    assert problems(answer("ab", True, "c"), answer("bc")) == []
    assert problems(answer("a")) == []


def test_a_page_of_more_items_than_were_asked_for_is_a_contradiction():
    def problems(count):
        fake = Fake(answer([str(each) for each in range(count)]))
        (page,) = pages(fake, REGISTRIES, 2)
        assert len(page.items) == count
        return page.contradictions

    assert problems(2) == []
    assert problems(3) == ["list, page 1: 3 items, although at most 2 were requested"]


@pytest.mark.parametrize("identity", [".", ".."])
def test_an_id_that_an_address_would_read_as_another_is_not_asked_for(identity):
    for team, ids in ((None, {"id": identity}), (identity, {"id": "a"}), (None, {"id": "a", "project": identity})):
        with pytest.raises(FetchError, match="can't be requested"):
            endpoint("/projects/{project}/x/{id}", team, **{"project": "p", **ids})


def test_ids_are_encoded_in_paths_each_as_one_segment():
    assert endpoint("/x/{id}", "a/b", id="../x?y") == "/v1/teams/a%2Fb/x/..%2Fx%3Fy"
    assert endpoint("/projects/{project}/x/{id}", None, project="{id}", id="c#d") == "/v1/projects/%7Bid%7D/x/c%23d"
    assert endpoint("/x", None, project=None) == "/v1/x"


def whole(data, **pagination):
    return {"data": data, "pagination": {"hasNextPage": False, **pagination}}


def test_data_itself_may_be_the_list_and_ids_have_the_fields_name():
    fake = Fake(whole([{"name": "a"}, {"id": "b"}], count=2))
    (page,) = pages(fake, listing(id_field="name"), 100)
    assert page.items == [{"name": "a"}, {"id": "b"}]
    assert page.contradictions == ["list, page 1: 1 of 2 items has no id, and could not be evaluated"]
    with pytest.raises(FetchError, match="the answer has no list 'data';"):
        list(pages(Fake(whole({"volumes": []})), listing(), 100))


def test_of_several_keys_one_must_be_there():
    names = listing("workflows", "pipelines")
    for key in names.keys:
        (page,) = pages(Fake(whole({key: [{"id": "a"}]})), names, 100)
        assert page.items == [{"id": "a"}]
    with pytest.raises(FetchError, match="it has both 'data.workflows' and 'data.pipelines'"):
        list(pages(Fake(whole({"workflows": [], "pipelines": []})), names, 100))
    with pytest.raises(FetchError, match="has no list 'data.workflows' or 'data.pipelines'"):
        list(pages(Fake(whole({})), names, 100))


def test_a_list_that_is_not_paged_is_whole_without_pagination_and_goes_on_where_there_is_more():
    fake = Fake({"data": {"x": [{"id": "a"}]}})
    assert len(list(pages(fake, listing("x", paged=False), 1))) == 1
    assert fake.queries == [{}]
    first = {"data": {"x": [{"id": "a"}, {"id": "b"}]}, "pagination": {"hasNextPage": True, "cursor": "c"}}
    fake = Fake(first, whole({"x": [{"id": "c"}]}))
    found = list(pages(fake, listing("x", paged=False), 1))
    assert ([len(page.items) for page in found], fake.queries) == ([2, 1], [{}, {"cursor": "c"}])
    assert not any(page.contradictions for page in found)


def test_a_page_read_again_contradicts_itself_or_is_as_it_is():
    assert read_again(Fake(whole({"x": [{"id": "a"}]})), listing("x"), {}) == [{"id": "a"}]
    with pytest.raises(FetchError, match="says that it has 3 items"):
        read_again(Fake(whole({"x": [{"id": "a"}]}, count=3)), listing("x"), {})


BELOW = listing("data.things")


def below(names, page=1, per_page=2, total=None, more=False, **changes):
    inner = {"page": page, "perPage": per_page, "total": len(names) if total is None else total, **changes}
    data = {"data": {"things": [{"id": name} for name in names], "pagination": inner}}
    return {"data": data, "pagination": {"hasNextPage": more, "count": len(names)}}


def test_a_list_below_a_second_map_is_read_with_both_paginations():
    fake = Fake(below("ab", total=3, more=True), below("c", page=2, total=3))
    found = list(pages(fake, BELOW, 2))
    assert [item["id"] for page in found for item in page.items] == ["a", "b", "c"]
    assert [page.contradictions for page in found] == [[], []]
    assert fake.queries == [{"per_page": 2}, {"per_page": 2, "page": 2}]


@pytest.mark.parametrize("names", ["", "a"])
def test_a_second_pagination_may_be_missing(names):
    one = below(names)
    del one["data"]["data"]["pagination"]
    (page,) = pages(Fake(one), BELOW, 2)
    assert (len(page.items), page.contradictions) == (len(names), [])


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (below("ab", total=3), "its two 'pagination' disagree on whether there is a next page"),
        (below("ab", total=2, more=True), "its two 'pagination' disagree"),
        (below("a", total=5), "means that this page has 2 items, and it has 1"),
        (below("a", page=3, total=3), "means that this page has 0 items, and it has 1"),
        (below("a", page=None), "lacks the page's number or the number of items"),
        (below("a", total=-1), "lacks the page's number"),
        (below("a", page=True), "lacks the page's number"),
    ],
)
def test_paginations_that_disagree_are_a_contradiction(one, problem):
    page = next(pages(Fake(one), BELOW, 2))
    assert problem in page.contradictions[0]
    with pytest.raises(FetchError, match="pagination"):
        read_again(Fake(one), BELOW, {})


@pytest.mark.parametrize("data", [None, [], {"things": []}, {"data": []}, {"data": {"things": {}}}, {"data": {}}])
def test_a_second_map_that_is_not_there_is_no_empty_list(data):
    with pytest.raises(FetchError, match=r"no list 'data\.data\.things'"):
        next(pages(Fake({"data": data, "pagination": {"hasNextPage": False}}), BELOW, 2))


@pytest.mark.parametrize("key", ["workflows", "pipelines"])
def test_one_of_two_keys_must_be_there(key):
    either, end = listing("workflows", "pipelines"), {"hasNextPage": False, "count": 1}
    (page,) = pages(Fake({"data": {key: [{"id": "a"}]}, "pagination": end}), either, 2)
    assert page.items == [{"id": "a"}]
    both = {"data": {"workflows": [], "pipelines": []}, "pagination": end}
    for wrong, problem in ((both, "it has both 'data.workflows' and 'data.pipelines'"), ({"data": {}}, "no list")):
        with pytest.raises(FetchError, match=problem):
            next(pages(Fake(wrong), either, 2))
