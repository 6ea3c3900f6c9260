"""Values become typed in any thread."""

import ast
import subprocess
import sys

from tests.conftest import NET, ROOT

CROWD = """
import sys, threading
import msgspec
from northflank_audit import typed
sys.setswitchinterval(1e-6)
for _ in range(300):
    inner = [msgspec.defstruct(f"Inner{n}", ["a", "b", "c"]) for n in range(6)]
    outer = msgspec.defstruct("Outer", [(f"f{n}", each) for n, each in enumerate(inner)])
    value = {f"f{n}": {"a": 1, "b": 1, "c": 1} for n in range(6)}
    gate = threading.Barrier(8)
    def use(kind=outer):
        gate.wait()
        typed.convert(value, kind)
    crowd = [threading.Thread(target=use) for _ in range(8)]
    for each in crowd: each.start()
    for each in crowd: each.join()
"""


def test_many_threads_may_be_the_first_to_use_a_struct():
    """With msgspec's own `convert`, this ends with SIGSEGV in nearly every run."""
    ended = subprocess.run([sys.executable, "-c", CROWD], cwd=ROOT, timeout=NET, check=False)
    assert ended.returncode == 0


def test_no_other_module_converts_to_structs():
    modules = (ROOT / "northflank_audit").rglob("*.py")
    # The emulator, which imports nothing of ours, has a lock of its own.
    others = [path for path in modules if path.name != "typed.py" and path.parent.name != "emulator"]
    calls = [(path.name, node) for path in others for node in ast.walk(ast.parse(path.read_text()))]
    assert not [name for name, node in calls if isinstance(node, ast.Call) and _learns(node)]


def _learns(call):
    name = ast.unparse(call.func)
    if name.rpartition(".")[2] == "decode" and name.startswith("msgspec"):
        return any(each.arg == "type" and ast.unparse(each.value) != "msgspec.Raw" for each in call.keywords)
    return name == "msgspec.convert" or (name.startswith("msgspec") and name.endswith("Decoder"))
