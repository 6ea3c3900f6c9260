"""The command `emulator`."""

import sys

import click

from northflank_audit import logs
from northflank_audit.emulator import Emulator, load, load_plan
from northflank_audit.errors import Stopped
from northflank_audit.printing import say


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0: any free one.")
@click.option("--token", help="Token that requests must carry.  [default: a random one]")
@click.option("--data", metavar="FILE", help="Account to serve.  [default: the sample account]")
@click.option("--faults", metavar="FILE", help="Faults to inject, in YAML or JSON; see docs/emulator.md.")
@click.pass_context
def emulator(ctx: click.Context, host: str, port: int, token: str | None, data: str | None, faults: str | None) -> None:
    """Serve the API of a sample account until stopped."""
    plan = load_plan(faults) if faults else None
    server = Emulator(load(data), plan, token=token, host=host, port=port)
    try:
        say(f"{server.url} token: {server.token}")
        sys.stdout.flush()
        server.serve_forever()
    except Stopped as stop:
        logs.tell("the emulator was stopped")
        ctx.exit(128 + stop.signal_number)
