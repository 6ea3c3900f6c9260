"""The compact map, against Python's own dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.compact import CompactMap

keys = st.tuples(st.sampled_from(["addon", "service"]), st.none() | st.just("t"), st.text(max_size=3))


@given(st.lists(st.tuples(keys, st.binary(min_size=3, max_size=3)), max_size=60))
def test_it_is_a_map_whose_first_value_stays(pairs):
    found, expected = CompactMap(3), {}
    for key, value in pairs:
        assert found.put(key, value) == expected.get(key)
        expected.setdefault(key, value)
    for key, _ in pairs:
        assert key in found
        assert found.get(key) == expected[key]
    assert (found.get("another"), "another" in found) == (None, False)


def test_it_keeps_every_key_when_it_grows():
    found, keys = CompactMap(4), CompactMap()
    for number in range(5000):
        assert found.put(str(number), number.to_bytes(4)) is None
        assert keys.put(str(number)) is None
    assert all(found.get(str(number)) == number.to_bytes(4) for number in range(5000))
    assert sum(str(number) in keys for number in range(10_000)) == 5000
