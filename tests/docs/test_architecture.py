"""docs/architecture.md is true: its paths, names, folders and imports are those of the code."""

import ast
import re
import subprocess
import sys
import threading
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from northflank_audit.cli.app import main
from tests.conftest import ROOT

PACKAGE = ROOT / "northflank_audit"
PAGE = (ROOT / "docs/architecture.md").read_text()
SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
NAMED = [span.split(":") for span in SPANS if re.fullmatch(r"[\w./]+\.py:[\w.]+", span)]
PATHS = sorted({span for span in SPANS if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(\.(py|yaml|md|j2|toml)|/)", span)})


def place(path: str) -> Path:
    """Return what a path on the page stands for."""
    return PACKAGE / path if (PACKAGE / path).exists() else ROOT / path


def section(title: str) -> str:
    """Return what is below a heading, up to the next one."""
    return re.split(rf"\n##+ {re.escape(title)}\n", PAGE)[1].split("\n#")[0]


def table(title: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Yield what a module or class defines."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from names(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (
                f"{prefix}{name.id}" for each in targets for name in ast.walk(each) if isinstance(name, ast.Name)
            )


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_there(path):
    assert place(path).exists()
    assert path.endswith("/") is place(path).is_dir()


@pytest.mark.parametrize(("path", "name"), NAMED, ids=":".join)
def test_every_name_is_defined_in_its_file(path, name):
    assert name in set(names(ast.parse(place(path).read_text()).body))


# -- Folders and imports -----------------------------------------------------------------------------------------------

FOLDERS = {row[0].strip("`").rstrip("/"): row[2] for row in table("Folders")}
GROUND = {row[0].strip("`").removesuffix(".py") for row in table("Ground modules")}


def room(parts: list[str]) -> str:
    """Return the folder, or the ground module, that a module is in."""
    folder = Path(*parts)
    while str(folder) != "." and not (PACKAGE / folder).is_dir():
        folder = folder.parent
    return folder.as_posix() if str(folder) != "." else parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[str]:
    """Yield the folders and ground modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text())):
        found = []
        if isinstance(node, ast.ImportFrom) and node.module:
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        for name in found:
            package, *parts = name.split(".")
            if package == PACKAGE.name and (PACKAGE / parts[0]).is_dir():
                yield room(parts)
            elif package == PACKAGE.name and (PACKAGE / f"{parts[0]}.py").exists():
                yield parts[0]


@cache
def arrows() -> dict[str, dict[str, set[str]]]:
    """Return which folder imports which, and by which modules."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for module in PACKAGE.rglob("*.py"):
        source = room(list(module.relative_to(PACKAGE).parts))
        for target in imported(module):
            if target != source:
                found[source][target].add(module.relative_to(PACKAGE).as_posix())
    return found


def allowed(folder: str, target: str) -> bool:
    """Tell whether the table allows a folder to import another, or a ground module."""
    cell = FOLDERS[folder]
    listed = re.findall(r"`([\w/]+)`", cell)
    if target in GROUND and not cell.startswith("only"):
        return True
    return any(target == each or target.startswith(f"{each}/") for each in [*listed, folder])


def test_the_folders_are_those_of_the_package():
    assert set(FOLDERS) == {file.parent.relative_to(PACKAGE).as_posix() for file in PACKAGE.glob("**/*/__init__.py")}


def test_the_ground_modules_are_those_of_the_package():
    assert {file.stem for file in PACKAGE.glob("*.py") if not file.stem.startswith("__")} == GROUND


def test_no_two_modules_have_the_same_name():
    stems = Counter(file.stem for file in PACKAGE.rglob("*.py") if not file.stem.startswith("__"))
    assert not [stem for stem, count in stems.items() if count > 1]


def test_the_folders_of_the_repository_are_all_there():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    folders = {line.split("/")[0] for line in listed if "/" in line and not line.startswith(".")}
    told = {row[0].strip("`").rstrip("/") for row in table("At the top of the repository")}
    assert told == folders - {PACKAGE.name}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_imports_what_the_table_does_not_allow(folder):
    wrong = {target: sorted(modules) for target, modules in arrows()[folder].items() if not allowed(folder, target)}
    assert not wrong


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_table_allows_nothing_that_is_not_used(folder):
    used = {target for source, found in arrows().items() if f"{source}/".startswith(f"{folder}/") for target in found}
    for each in re.findall(r"`([\w/]+)`", FOLDERS[folder]):
        assert any(target == each or target.startswith(f"{each}/") for target in used), f"{folder} imports no {each}"


def test_the_order_is_that_of_import_linter():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["type"] == "layers")
    floor = {
        name.strip().removeprefix(f"{PACKAGE.name}.").replace(".", "/"): -number
        for number, layer in enumerate(layers)
        for name in re.split("[|:]", layer)
    }
    assert {folder for folder in FOLDERS if "/" not in folder} <= set(floor), "every folder has its floor"
    for folder, cell in FOLDERS.items():
        for each in re.findall(r"`([\w/]+)`", cell):
            top, below = folder.split("/")[0], each.split("/")[0]
            assert top == below or floor[top] > floor[below], f"{folder} may not import {each}"


# -- The walks ---------------------------------------------------------------------------------------------------------


def test_an_audit_calls_what_the_walk_names_in_that_order(monkeypatch, tmp_path):
    walk = re.findall(r"`([\w./]+\.py):([\w.]+)`", section("How a page becomes a line in the report"))
    codes = {(str(place(path)), name.rpartition(".")[2]): (path, name) for path, name in walk}
    assert len(codes) == len(walk)
    called: list[tuple[str, str]] = []

    def watch(frame, event, _):
        if event == "call":
            key = codes.get((frame.f_code.co_filename, frame.f_code.co_name))
            if key is not None and key not in called:
                called.append(key)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["audit.py", "--demo", "--rules", "pack:default", "--format", "csv"])
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert ended.value.code == 1
    assert called == walk


FORMAT = """
import sys
from northflank_audit import formats
formats.__path__.append(".")
formats.FORMATS["made-up"] = formats.Format("made-up", "report.made-up", "made_up", "an example")
from northflank_audit.__main__ import main
main()
"""


def test_a_format_is_a_module_and_a_line(tmp_path):
    (tmp_path / "made_up.py").write_text("def render(report):\n    return f'{report.summary.fail} violations\\n'\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", FORMAT, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )

    done = run("--demo", "--rules", "pack:default", "--format", "made-up,json", "--output", "made-up=-")
    assert (done.returncode, done.stdout) == (1, "35 violations\n"), done.stderr
    assert (tmp_path / "reports/report.made-up").read_text() == "35 violations\n"
    assert re.search("made-up +report.made-up +an example", run("formats").stdout)
    assert '"made-up"' in run("rules", "schema", "config").stdout
