"""The command `emulator`."""

import sys
from typing import Any

import click

from northflank_audit import jsontext, logs
from northflank_audit.documents.yaml_document import Document
from northflank_audit.emulator import Emulator, Mistakes, load, load_plan
from northflank_audit.errors import FileErrors, StartError, Stopped, in_order
from northflank_audit.printing import say
from northflank_audit.reading import LARGEST_DATA, read_text


class _Files:
    """Reads each file once, and remembers its text to quote lines with mistakes."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def read(self, path: str) -> Any:
        """Return a file's content. Raises StartError, with positions if it is neither JSON nor YAML."""
        text = self._texts[path] = read_text(path, largest=LARGEST_DATA)
        try:
            return jsontext.decode(text.encode())  # of any size
        except jsontext.InvalidJSON:
            return self._document(path).value

    def located(self, found: Mistakes) -> StartError:
        """Return mistakes with their positions, if they are in one of the files."""
        if found.path not in self._texts:
            return found
        document = self._document(found.path, strict=False)
        return FileErrors(in_order(document.error(each.steps, each.problem, key=each.key) for each in found.mistakes))

    def _document(self, path: str, *, strict: bool = True) -> Document:
        return Document(self._texts[path], path, strict=strict, discreet=True)  # it may hold a real account's secrets


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0: any free one.")
@click.option("--token", help="Token that requests must carry.  [default: a random one]")
@click.option("--data", metavar="FILE", help="Account to serve.  [default: the sample account]")
@click.option("--faults", metavar="FILE", help="Faults to inject, in YAML or JSON; see docs/emulator.md.")
@click.pass_context
def emulator(ctx: click.Context, host: str, port: int, token: str | None, data: str | None, faults: str | None) -> None:
    """Serve the API of a sample account until stopped."""
    files = _Files()
    try:
        plan = load_plan(faults, files.read) if faults else None
        accounts = load(data, reader=files.read)
    except Mistakes as found:
        raise files.located(found) from None
    server = Emulator(accounts, plan, token=token, host=host, port=port)
    try:
        say(f"{server.url} token: {server.token}")
        sys.stdout.flush()
        server.serve_forever()
    except Stopped as stop:
        logs.tell("the emulator was stopped")
        ctx.exit(128 + stop.signal_number)
