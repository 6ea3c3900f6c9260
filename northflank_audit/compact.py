"""A map that needs few bytes per key, because it keeps only hashes."""

from array import array
from collections.abc import Hashable
from typing import Final

_SMALLEST: Final = 1024
"""Slots of a new map; the number is always a power of two, and at most two thirds of them are taken."""
_BITS: Final = 2**60 - 1


class CompactMap:
    """Values of one width by the hash of their keys: two to three slots per key, each of 8 bytes and a value.

    Two of a million keys have the same hash with a probability of one in two million. Python's hash of a text depends
    on a secret of the process, so nobody can make two keys with the same one.
    """

    def __init__(self, width: int = 0) -> None:
        """`width` is that of the values, in bytes."""
        self._width = width
        self._allocate(_SMALLEST)
        self._left = _SMALLEST * 2 // 3

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the map has a key."""
        return self._hashes[self._slot(hash(key) & _BITS or 1)] != 0

    def get(self, key: Hashable) -> bytes | None:
        """Return the value of a key; None if it has none."""
        slot = self._slot(hash(key) & _BITS or 1)
        return self._value(slot) if self._hashes[slot] else None

    def put(self, key: Hashable, value: bytes = b"") -> bytes | None:
        """Give a key without a value this one; return the value that it had before, None if it had none."""
        hashed = hash(key) & _BITS or 1  # 0 is an empty slot
        slot = self._slot(hashed)
        if self._hashes[slot]:
            return self._value(slot)
        self._hashes[slot] = hashed
        if width := self._width:
            self._values[slot * width : slot * width + width] = value
        self._left -= 1
        if not self._left:
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
        before, values, width = self._hashes, self._values, self._width
        self._allocate(2 * len(before))
        self._left = len(self._hashes) * 2 // 3 - len(before) * 2 // 3
        for old, hashed in enumerate(before):
            if hashed:
                slot = self._slot(hashed)
                self._hashes[slot] = hashed
                if width:
                    self._values[slot * width : slot * width + width] = values[old * width : old * width + width]
