"""Describes OpenSSH public keys: type and size, without the comment."""

import base64
import binascii
from typing import Any, Final

from northflank_audit.resources.base import Record

_LENGTH: Final = 4
"""Bytes of a field's length (RFC 4251, section 5)."""
_MODULUS: Final = {"ssh-rsa": 2, "ssh-dss": 1}
"""The index of the field whose size is the key's (RFC 4253, section 6.6)."""


def described(key: str) -> Record:
    """Return a key without its comment, which often names a person, its type, and for RSA and DSA its size in bits."""
    name, *rest = key.split()[:2] or [""]
    bits = _bits(name, rest[0]) if rest else None
    return {"key": " ".join([name, *rest]), "type": name, **({} if bits is None else {"bits": bits})}


def without_comments(item: Record) -> Record:
    """Return the public keys of a record as `described` does. Other values are unchanged."""
    keys = item.get("sshPublicKeys")
    return {"sshPublicKeys": [_described(each) for each in keys]} if isinstance(keys, list) else {}


def _described(entry: Any) -> Any:
    key = entry.get("key") if isinstance(entry, dict) else None
    return described(key) if isinstance(key, str) else entry


def _bits(name: str, encoded: str) -> int | None:
    """Return the size of a key; None if its type has no variable size, or it can't be read."""
    if name not in _MODULUS:
        return None
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    for _ in range(_MODULUS[name]):
        blob = blob[_LENGTH + int.from_bytes(blob[:_LENGTH]) :]
    modulus = blob[_LENGTH : _LENGTH + int.from_bytes(blob[:_LENGTH])]
    return int.from_bytes(modulus).bit_length() or None
