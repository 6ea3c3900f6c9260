"""Proxy and certificate authorities from the environment."""

import os
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import msgspec
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from northflank_audit.errors import StartError
from northflank_audit.northflank.token import is_loopback
from northflank_audit.printable import printable, spelt

AUTHORITIES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that name certificate authorities; the first that is set counts."""
_PORTS: Final = 65535
_PROXY: Final = re.compile(
    r"https?://(?:(?P<user>[^/?#\\\[\]\s]*)@)?(?P<host>\[[0-9a-f:.]+\]|[^/?#\\\[\]\s:@]+)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)


class Route(msgspec.Struct, frozen=True):
    """How requests get to a host."""

    proxies: dict[str, str] = {}
    """By scheme; a value may hold a password."""
    verify: bool | str = True
    """A file or folder of certificate authorities, or True for those bundled with requests."""
    secrets: tuple[str, ...] = ()
    """The proxy's password, as written and decoded."""

    def __repr__(self) -> str:
        return f"Route(verify={self.verify!r})"


def route_to(base_url: str) -> Route:
    """Return the environment's way to a host.

    Over plain http a proxy would see the token, so only a proxy on this machine is then used. Raises StartError for a
    variable that can't be used; it names the variable, but never a proxy's value, which may hold a password.
    """
    secure = base_url.lower().startswith("https:")
    verify = _authorities() if secure else True
    proxies = get_environ_proxies(base_url)
    proxy = (select_proxy(base_url, proxies) or "").strip()
    if not proxy:
        return Route(verify=verify)
    name = next((f"{key}_proxy" for key, value in proxies.items() if value.strip() == proxy), "")
    variable = next((each for each in os.environ if each.lower() == name), "the system's proxy")
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    match = _proxy(proxy, variable)
    if not (secure or is_loopback(match["host"].strip("[]"))):
        return Route(verify=verify)
    password = (match["user"] or "").partition(":")[2]
    return Route({"https" if secure else "http": proxy}, verify, (password, unquote(password)))


def _proxy(proxy: str, variable: str) -> re.Match[str]:
    match = _PROXY.fullmatch(proxy)
    try:
        parse_url(proxy)
        unquote((match and match["user"]) or "").encode("latin-1")  # as HTTP sends it
    except (LocationParseError, ValueError):
        match = None
    if match is None or int(match["port"] or 0) > _PORTS:
        raise StartError(
            f"{variable} is not the address of a proxy: expected http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, "
            "with characters other than letters and digits percent-encoded (# as %23)"
        )
    return match


def _authorities() -> bool | str:
    name = next((name for name in AUTHORITIES if os.environ.get(name)), None)
    if name is None:
        return True
    path = Path(os.environ[name])
    try:
        if path.is_dir():
            next(path.iterdir(), None)  # it has to be allowed
        elif path.exists() and not path.is_file():  # a pipe could be read only once
            raise StartError(f"{name}: {_printable_path(path)} is not a file or folder")
        else:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise StartError(f"{name}: {_printable_path(path)} holds no certificate in PEM format") from None
    except (OSError, ValueError) as error:
        raise StartError(
            f"{name}: {_printable_path(path)} can't be read ({getattr(error, 'strerror', error)})"
        ) from None
    return str(path)


def _printable_path(path: Path) -> str:
    return printable(spelt(str(path)))
