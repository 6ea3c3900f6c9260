"""Validates the addresses and the metrics file that options name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from northflank_audit.delivery import heartbeat
from northflank_audit.northflank.token import is_loopback
from northflank_audit.printable import spelt

METRICS_SUFFIX: Final = ".prom"
"""The node exporter reads only files with this ending."""


def checked_delivery(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses to ping and push to. Raises click.UsageError, whose message holds no key."""
    file = values.get("metrics_file")
    if file is not None and not file.endswith(METRICS_SUFFIX):
        raise click.UsageError(f"--metrics-file: the node exporter reads files that end in {METRICS_SUFFIX}")
    if file is not None and not _has_folder(file, values.get("output_dir", "")):
        raise click.UsageError(f"--metrics-file {spelt(file)}: its folder does not exist")
    urls = {name: values[name].strip() for name in ("metrics_push", "heartbeat") if values.get(name) is not None}
    for name, url in urls.items():
        option = f"--{name.replace('_', '-')}"
        try:
            parts = urlsplit(url)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            right = False
        if not right or not url.isprintable() or " " in url:
            raise click.UsageError(f"{option}: not an address; write https://HOST[:PORT] or http://HOST[:PORT]")
        if name == "metrics_push" and (parts.query or parts.fragment):
            raise click.UsageError(f"{option}: a Pushgateway's base address has no query and no fragment")
        if name == "heartbeat" and not heartbeat.is_spelt_right(url):
            raise click.UsageError(f"{option}: braces contain three words: {{start|success|fail}}")
    return urls


def _has_folder(file: str, made: str) -> bool:
    """Return whether a file's folder exists, or is `made` by the run itself."""
    folder = os.path.realpath(Path(file).parent)
    try:
        return Path(folder).is_dir() or folder == os.path.realpath(made)
    except OSError:  # reported when the file is written
        return True


def checked_url(given: str) -> str:
    """Return the API's address. Raises click.UsageError if it is not one, or would expose the token.

    The message shows only the address's host: a user, a password or a query may be a secret.
    """
    url = given.strip()
    wrong = click.UsageError("--api-url: not the address of an API; write https://HOST[:PORT]")
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    invalid = "@" in parts.netloc or "?" in url or "#" in url or not url.isprintable() or " " in url or "\\" in url
    if parts.scheme not in ("http", "https") or not host or invalid:
        raise wrong
    if "://" not in url and is_loopback(host):
        raise click.UsageError(f"--api-url: '{url}' has no scheme; write http://{url}, or https:// if it speaks TLS")
    if parts.scheme == "http" and not is_loopback(host):
        raise click.UsageError(f"--api-url: the token is not sent to {host} over plain http; use https")
    return parts.geturl().rstrip("/")
