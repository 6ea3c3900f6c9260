"""A map that needs few bytes per key, because it keeps only hashes."""

from array import array
from collections.abc import Hashable
from typing import Final

_SMALLEST: Final = 64
"""Slots of a new map; the number is always a power of two."""
_BITS: Final = 2**64 - 1


class CompactMap:
    """Values of one width by the hash of their keys: up to three slots per key, each of 8 bytes and a value.

    Two of a million keys have the same hash with a probability of 3 in 100 million.
    """

    def __init__(self, width: int = 0) -> None:
        """`width` is that of the values, in bytes."""
        self._width = width
        self._allocate(_SMALLEST)
        self._count = 0

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the map has a key."""
        return self._hashes[self._slot(_hashed(key))] != 0

    def get(self, key: Hashable) -> bytes | None:
        """Return the value of a key; None if it has none."""
        slot = self._slot(_hashed(key))
        return self._value(slot) if self._hashes[slot] else None

    def put(self, key: Hashable, value: bytes = b"") -> bytes | None:
        """Give a key without a value this one; return the value that it had before, None if it had none."""
        hashed = _hashed(key)
        slot = self._slot(hashed)
        if self._hashes[slot]:
            return self._value(slot)
        self._hashes[slot] = hashed
        self._values[slot * self._width : (slot + 1) * self._width] = value
        self._count += 1
        if self._count * 3 > len(self._hashes) * 2:
            self._grow()
        return None

    def _allocate(self, slots: int) -> None:
        self._hashes = array("Q", bytes(8 * slots))
        self._values = bytearray(self._width * slots)

    def _value(self, slot: int) -> bytes:
        return bytes(self._values[slot * self._width : (slot + 1) * self._width])

    def _slot(self, hashed: int) -> int:
        """Return the slot of a hash, or the empty one where it would be."""
        hashes, mask = self._hashes, len(self._hashes) - 1
        slot = hashed & mask
        while (there := hashes[slot]) and there != hashed:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        hashes, values, width = self._hashes, self._values, self._width
        self._allocate(2 * len(hashes))
        for before, hashed in enumerate(hashes):
            if hashed:
                slot = self._slot(hashed)
                self._hashes[slot] = hashed
                self._values[slot * width : (slot + 1) * width] = values[before * width : (before + 1) * width]


def _hashed(key: Hashable) -> int:
    """Return a hash that is not 0. Python's own depends on a secret of the process, so it can't be foreseen."""
    return hash(key) & _BITS or 1
