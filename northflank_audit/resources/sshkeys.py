"""What an OpenSSH public key is: its type and size, without the comment, which often names a person."""

import base64
import binascii
from typing import Any, Final

from northflank_audit.resources.base import Record

_LENGTH: Final = 4
"""Bytes of a field's length (RFC 4251, section 5)."""
_MODULUS: Final = {"ssh-rsa": 2, "ssh-dss": 1}
"""Where the number stands whose size is the key's, counted in fields (RFC 4253, section 6.6)."""


def described(key: str) -> Record:
    """Return a key without its comment, its type, and for RSA and DSA its size in bits."""
    name, *rest = key.split()[:2] or [""]
    bits = _bits(name, rest[0]) if rest else None
    return {"key": " ".join([name, *rest]), "type": name, **({} if bits is None else {"bits": bits})}


def without_comments(item: Record) -> Record:
    """Return the public keys of a record as `described` does. What is no key stays as it is."""
    keys = item.get("sshPublicKeys")
    return {"sshPublicKeys": [_described(each) for each in keys]} if isinstance(keys, list) else {}


def _described(entry: Any) -> Any:
    key = entry.get("key") if isinstance(entry, dict) else None
    return described(key) if isinstance(key, str) else entry


def _bits(name: str, encoded: str) -> int | None:
    """Return the size of a key; None where it has none to speak of, or can't be read."""
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
