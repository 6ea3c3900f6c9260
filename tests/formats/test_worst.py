"""No rule drowns the others in a short list, and what is new is never dropped for what is not."""

from msgspec.structs import replace

from northflank_audit.formats.worst import EACH, shares, worst
from tests.formats.conftest import result


def test_each_rule_has_a_few_and_the_first_have_what_room_is_left():
    assert shares([[3, 3, 1], [41, 5, 1]], 20) == [16, 3, 1]
    assert shares([[3, 3, 3], [41, 5, 1]], 7) == [3, 3, 1]
    assert shares([[], []], 7) == []


def test_what_is_new_of_a_later_rule_comes_before_more_of_the_first(report):
    old = [result(resource=f"a{number}", state="ongoing") for number in range(9)]
    results = [result(resource="a", state="new"), *old]
    results += [result("provider", f"b{number}", state="new") for number in range(EACH)]
    first, second = worst(replace(report, results=results), EACH + 1)
    assert [each.resource.id for each in first.first] == ["a"]
    assert (len(second.first), len(first.rest), second.rest) == (EACH, 9, [])
