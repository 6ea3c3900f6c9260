"""Of a public key its type and size are known, and its comment is dropped."""

import base64

import pytest

from northflank_audit.resources import TYPES
from northflank_audit.resources.decode import part_record
from northflank_audit.resources.sshkeys import described

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILnk2gJb/hmfwjtHe5/BihRCr8KbSvpKNd7gVJHstZJV"
RSA_1024 = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDUF8s5WOTk+n7Ur4knot6kMAUarabY3+J0Rk82/Lb4Pe5tknZmv4NMJT16"
    "S67mZKPQLgm+wUJTTc36S5ipALovCScFZgEwra0ogwtk3tEw9VdCAOkk3k0VHy964MSFJipyPe+vejQR/BBPhmkgZ8bTxE0R"
    "PX9ONi5bVxdZM324Vw=="
)
RSA_4096 = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAACAQCWRKSgnXrvAhqoLVKWrYjJWtjvEGdTf0p7rfS0uCfIrqud9wiWnmalkVGW"
    "vVc3R8qX3ENcOuL5SanY00BEaj+BhxJxC7zSiRZ+o+Rp9/SI8oCDDd1mRWzGR0xgcQIPuVyxtRS2pTUTQfax5YMfXU3AoQQN"
    "zIb7zA0oGIAotnpjW4+aSAtmp6neJOVzm+WcO3hDviQGhzlB/H7Io8UCNHnw0uErXcLXaQ/KK+UfXqA8kFnmCnlHi8quy4Pd"
    "OHKYWskW5hcPUdTh1l/vgVPZ/xNemJstlEthVPgfiRkB6kG/+qlXIiPoqDKtwIOtIbgMXHBlXqbwU/cxYVW4SA7/JKeANXd1"
    "znpN8gT4Gb939zF9VdjPSrCYeqjR7c52G09sWm1vc01IdLUQabLUdV9Ne9ED3JZ0Wir/9Jyfg/EsTO2MDvssKTUisNxqsJsy"
    "UvZhQduKjEysIm0Nv1zWmubO15ZWAcmo9rl8XuW35Uk1gsrfK9ZHFFZhbmlobL1/fWrzr7Tfkc1maT0FMm96I4DPLzoSW2qD"
    "rYHpRiqiFKprwIczm8RWuOSBLTDxKU6wfO4d4yUGEubhjQEksCqm9vQnS5huvADK9ocHUoV+VaXGw50Zyp/Jk7z27RVeV0jZ"
    "YnTRRgrQ0RWChV5SUQn6iXebO2KoJCAYuo6Pk4+LtZj+cdK5cQ=="
)


def field(value):
    return len(value).to_bytes(4) + value


DSA = "ssh-dss " + base64.b64encode(field(b"ssh-dss") + field(b"\0" + b"\xff" * 128) + field(b"q")).decode()


@pytest.mark.parametrize(
    ("key", "bits"), [(ED25519, None), (RSA_1024, 1024), (RSA_4096, 4096), (DSA, 1024), ("ssh-rsa AAAA", None)]
)
def test_a_key_is_described_without_its_comment(key, bits):
    size = {} if bits is None else {"bits": bits}
    assert described(f"{key} ada@laptop of Ada") == {"key": key, "type": key.split()[0], **size}


@pytest.mark.parametrize(
    "text", ["", " ", "ssh-rsa", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ...", "x y z", "ssh-rsa ä"]
)
def test_what_is_no_key_has_no_size(text):
    assert "bits" not in described(text)


@pytest.mark.parametrize("name", ["list", "detail"])
def test_no_comment_is_kept_of_an_identity(name):
    part = TYPES["ssh-identity"].part(name)
    found = part_record(part, {"id": "a", "sshPublicKeys": [{"key": f"{ED25519} ada@example.com"}]})
    assert found == {"id": "a", "sshPublicKeys": [{"key": ED25519, "type": "ssh-ed25519"}]}


@pytest.mark.parametrize(
    "odd", [5, "ssh-rsa AAAA ada@example.com", ["ssh-rsa AAAA ada@example.com"], [{"key": ["ada@example.com"]}]]
)
def test_keys_of_another_kind_show_nothing(odd):
    found = part_record(TYPES["ssh-identity"].listing, {"id": "a", "sshPublicKeys": odd})
    assert "ada@example.com" not in str(found)
    assert "sshPublicKeys" in found
