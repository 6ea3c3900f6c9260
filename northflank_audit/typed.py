"""Converts values to typed ones, in any thread.

msgspec (0.22) learns a struct when it first converts to it, and another thread that converts to the same struct
meanwhile reads what is not yet there: the process ends with SIGSEGV. So each struct is learnt by one thread before any
uses it, and this is the only module that converts to structs.
"""

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_TYPES: Final = 512
"""Types that are known to be learnt."""
_lock: Final = threading.RLock()


def _learn(kind: Any) -> None:
    with _lock:
        msgspec.msgpack.Decoder(kind)


learnt: Final[Callable[[Any], None]] = lru_cache(_TYPES)(_learn)
"""Lets threads convert to a type, such as a struct or a list of structs, from now on."""


def convert(value: Any, kind: type[T]) -> T:
    """Return a plain value as the type. Raises msgspec.ValidationError."""
    learnt(kind)
    return msgspec.convert(value, kind)


def decode(text: bytes | str, kind: type[T]) -> T:
    """Return JSON as the type. Raises msgspec.DecodeError."""
    learnt(kind)
    return msgspec.json.decode(text, type=kind)


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """Return what decodes JSON to the type again and again."""
    learnt(kind)
    return msgspec.json.Decoder(kind)
