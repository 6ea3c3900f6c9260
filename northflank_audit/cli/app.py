"""The commands."""

import io
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from northflank_audit import logs
from northflank_audit.cli.lazy import Lazy, LazyGroup
from northflank_audit.cli.version import versions
from northflank_audit.errors import AuditError, FileError, FileErrors, Stopped
from northflank_audit.printing import NotPrinted, ReaderGone, say
from northflank_audit.stopping import Watch

if sys.platform != "win32":
    import resource

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class _RunByDefault(LazyGroup):
    """Without a command, `run` is meant; its options are shown where the commands are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for param in self.params for name in param.opts} | set(ctx.help_option_names)
        completes = ctx.resilient_parsing and not args  # a shell asks for the first word
        if not completes and (not args or (args[0].startswith("-") and args[0] not in own)):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands, and the options of `run` where an option begins."""
        own = super().shell_complete(ctx, incomplete)
        return own + (self._run(ctx).shell_complete(ctx, incomplete) if incomplete.startswith("-") else [])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = [record for param in self._run(ctx).get_params(ctx) if (record := param.get_help_record(ctx))]
        records = [record for record in records if "--help" not in record[0]]
        with formatter.section("Options of run"):
            formatter.write_dl(records)
        super().format_options(ctx, formatter)

    def _run(self, ctx: click.Context) -> click.Command:
        command = self.get_command(ctx, "run")
        assert command is not None  # noqa: S101 - it is in LAZY
        return command


_HERE = __package__
LAZY = (
    Lazy(
        "annotations",
        f"{_HERE}.annotation_commands",
        "annotations_group",
        "List, check and add annotations: who fixes a finding by when, or that the tool is wrong about it.",
    ),
    Lazy(
        "baseline",
        f"{_HERE}.baseline_command",
        "baseline_group",
        "Write a baseline for --compare that can be committed.",
    ),
    Lazy("config", f"{_HERE}.config_commands", "config_group", "Show the settings of a run."),
    Lazy("emulator", f"{_HERE}.emulator_command", "emulator", "Serve the API of a sample account until stopped."),
    Lazy(
        "fleet",
        f"{_HERE}.fleet_command",
        "fleet_group",
        "Audit many targets, each as `run` would, and sum them up.",
    ),
    Lazy(
        "init", f"{_HERE}.init_command", "init_command", "Write a commented audit.yaml and a rule file to start from."
    ),
    Lazy(
        "history",
        f"{_HERE}.history_commands",
        "history_group",
        "Show runs, what changed, and how long findings were open, from the database of --history.",
    ),
    Lazy(
        "plan",
        f"{_HERE}.plan_command",
        "plan_command",
        "Show what an audit by the selected rules requests from the API.",
    ),
    Lazy("run", f"{_HERE}.run_command", "run_command", "Run an audit (the default)."),
    Lazy("rules", f"{_HERE}.rule_commands", "rules_group", "List, check, test, show and explain rules."),
    Lazy(
        "types",
        f"{_HERE}.catalogue_commands",
        "types_command",
        "List the resource types with their endpoints, permissions and fields.",
    ),
    Lazy("waivers", f"{_HERE}.waiver_commands", "waivers_group", "List waivers, check them, and add some."),
)


@click.group(cls=_RunByDefault, context_settings=CONTEXT, lazy=LAZY, invoke_without_command=True)
@click.option("--version", is_flag=True, help="Show the versions of the tool, its engine and Python, and exit.")
@click.option("--json", "as_json", is_flag=True, help="With --version: print JSON.")
@click.pass_context
def cli(ctx: click.Context, *, version: bool, as_json: bool) -> None:
    """Audit a Northflank account: registries, services, addons and other resources.

    Reads resources from the API, evaluates each by rules in YAML, writes reports, and exits with 0 (nothing
    violated), 1 (violations), 2 (could not start) or 3 (incomplete). Without a command, `run` is meant.
    """
    if version:
        say(versions(as_json=as_json), json=as_json)
        ctx.exit()
    if as_json:
        raise click.UsageError("--json needs --version")


@cli.command("formats")
def formats_command() -> None:
    """List the formats of reports, their files and what each is for."""
    from northflank_audit.formats import FORMATS  # noqa: PLC0415 - --version does not pay for it

    names, files = max(map(len, FORMATS)), max(len(each.filename) for each in FORMATS.values())
    for each in FORMATS.values():
        say(f"{each.name:<{names}}  {each.filename:<{files}}  {each.what}")


def _leave_no_core() -> None:
    """Disable core dumps, to files and to collectors, because memory holds the token.

    On Linux a limit of 1 byte also disables collectors (core(5)).
    """
    if sys.platform == "win32":
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1) if sys.platform == "linux" else (0, 0))


def main(watch: Watch | None = None) -> None:
    """Run the command line, and exit as docs/reference.md says. Only --verbose shows a traceback.

    `watch` handles signals, which raise Stopped.
    """
    _leave_no_core()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _outcome()
    if watch is not None:
        watch.settled = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # it was closed before this process started
                stream.flush()
        except OSError:  # the output is lost; do not let Python's last flush fail on it, too
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if watch is not None:  # waits for no thread, and the system frees memory faster
        os._exit(code)
    sys.exit(code)


def _show(error: click.ClickException) -> None:
    buffer = io.StringIO()
    error.show(buffer)
    say(buffer.getvalue().rstrip("\n"), err=True)


def _unexpected(error: Exception) -> str:
    """Return what to say of an exception that is no AuditError."""
    if isinstance(error, OSError):
        try:
            Path.cwd()
        except OSError as gone:
            return f"no verdict: the working folder can't be used ({gone.strerror}); change to another one"
        if "--help" in sys.argv:  # which click prints
            return f"standard output could not be written ({error.strerror})"
    return (
        f"internal error: {type(error).__name__}; no verdict. --verbose shows where. "
        "Please report it with the command line."
    )


def _outcome() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except Stopped as stop:
        logs.tell("stopped; no report was left half written")
        return 128 + stop.signal_number
    except click.Abort:
        return 128 + signal.SIGINT
    except click.ClickException as error:
        with suppress(NotPrinted):  # the exit code also says so
            _show(error)
        return 2
    except AuditError as error:
        diagnostics = error.with_excerpt if isinstance(error, FileError | FileErrors) else f"northflank-audit: {error}"
        if not isinstance(error, ReaderGone):
            logs.tell(diagnostics)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends with 3
        if "--verbose" in sys.argv:
            logs.trace(logging.getLogger(__name__), error, logging.ERROR)
        logs.tell(f"northflank-audit: {_unexpected(error)}")
        return 3
    return code if isinstance(code, int) else 0
