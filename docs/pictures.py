"""Renew the pictures that the pages show (`make picture`); it needs chromium.

What is shown runs in a folder of its own, so that no picture tells anything of the machine it was made on.
"""

import io
import os
import pty
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

HERE = Path(__file__).parent
AUDIT = HERE.parent / "audit.py"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #191919; color: #d9d9d9; display: inline-block }}
pre {{ margin: 0; padding: 20px 24px; font: 14px/1.45 "DejaVu Sans Mono", monospace }}
</style><pre>{code}</pre>"""


def shoot(html: str, picture: Path, *, width: int, height: int | None = None, dark: bool = False) -> None:
    """Write a picture of a page, `width` × `height` CSS pixels; without a height, as high as the page is.

    The page can't ask for anything: it is given as text, and the browser is offline.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            viewport={"width": width, "height": height or 100},
            color_scheme="dark" if dark else "light",
            offline=True,
        )
        page.set_content(html)
        page.screenshot(path=picture, full_page=height is None)
        browser.close()


def terminal(command: str, output: str) -> str:
    """Return a page that shows a command and what it printed, with its colours."""
    console = Console(record=True, file=io.StringIO(), legacy_windows=False)
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))
    console.print(Text.from_ansi(output.rstrip()), soft_wrap=True)
    return console.export_html(theme=DIMMED_MONOKAI, inline_styles=True, code_format=TERMINAL)


def demo(folder: str) -> str:
    """Run the demo as on a terminal, in a folder, and return what it printed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(AUDIT), "--demo", "--no-progress"]
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    printed: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, printed))
    reader.start()
    done = subprocess.run(command, cwd=folder, env=environment, stdout=theirs, check=False)  # noqa: S603
    os.close(theirs)
    reader.join()
    os.close(ours)
    if done.returncode != 1:
        sys.exit(f"the demo ended with exit code {done.returncode}")
    return b"".join(printed).decode().replace("\r\n", "\n")


def _read(descriptor: int, printed: list[bytes]) -> None:
    """Read until the other end is closed, which Linux tells by an error."""
    try:
        while part := os.read(descriptor, 65536):
            printed.append(part)
    except OSError:
        pass


def main() -> None:
    """Renew all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        output = demo(folder)
        report = Path(folder, "reports/report.html").read_text(encoding="utf-8")
    shoot(report, HERE / "report.png", width=1100, height=1150)
    shoot(terminal("python audit.py --demo", output), HERE / "terminal.png", width=1280)


if __name__ == "__main__":
    main()
