"""Holds the direction of imports, and the shape of the files, by reading the source of every module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "bridge").rglob("*.py"))
ALL_MODULES = [*MODULES, *sorted((ROOT / "models").rglob("*.py"))]

# A module imports only from earlier layers and from its own package; a new module or package joins by its name here.
LAYERS = (
    {"errors", "opset", "method", "wire", "proto_nodes", "cores", "installed"},
    {"targets", "forest", "placement", "file_parts", "waiting"},
    {"data"},
    {"export", "passes", "artifact", "row_bytes", "portability", "operator_counts"},
    {"plain"},
    {"runtime"},
    {"verify", "stream"},
    {"mixed"},
    {"compile"},
    {"summary", "demo", "bench"},
    {"summary_view"},
    {"__init__"},
    {"cli_errors"},
    {"cli_fit", "cli_predict", "cli_tables"},
    {"cli_bench"},
    {"cli"},
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
OFF_THE_SERVER = {"export", "passes", "row_bytes"}
"""Only `mixed`, `compile` and what stands above it may import these: a server goes without them."""
HOMES = {
    "sklearn": {"export", "stream", "demo", "bench"},
    "skl2onnx": {"export", "bench"},
    "onnxruntime": {"runtime"},
}
"""The packages that may import a library; models/ stands outside of bridge."""
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}
MOST_LINES = 400


def imported_modules(source: str) -> set[str]:
    """Return the full names of all that a module imports: at its top, in functions, for types, through importlib."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module="bridge", names=names, level=0):
                found |= {f"bridge.{alias.name}" for alias in names}
            case ast.ImportFrom(module=module, level=0):
                found.add(str(module))
            case ast.ImportFrom(level=level):
                found.add("." * level)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found.add(name)
    return found


def wrong_imports(group: str, modules: set[str]) -> list[str]:
    """Return which of `modules` a module of `group` (a package of bridge, or a module beside them) may not import."""
    return sorted(m for m in modules if not _may_import(group, m))


def _may_import(group: str, module: str) -> bool:
    top, _, rest = module.partition(".")
    if not top:  # a relative import hides what it names
        return False
    if top != "bridge":
        return top not in HOMES or group in HOMES[top]
    imported = rest.partition(".")[0] or "__init__"
    if imported == group:
        return True
    if imported in OFF_THE_SERVER and LAYER[group] < LAYER["mixed"]:
        return False
    return LAYER[imported] < LAYER[group]


def _group(path: Path) -> str:
    return path.relative_to(ROOT / "bridge").parts[0].removesuffix(".py")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_module_imports_only_from_earlier_layers(path):
    assert _group(path) in LAYER, f"{_name(path)} stands in no layer: give it one in LAYERS"

    assert wrong_imports(_group(path), imported_modules(path.read_text())) == []


def test_every_module_has_a_docstring():
    assert [_name(p) for p in ALL_MODULES if not ast.get_docstring(ast.parse(p.read_text()))] == []


def test_every_module_is_named_after_what_it_holds():
    assert [_name(p) for p in ALL_MODULES if p.stem in VAGUE] == []


def test_every_module_is_short():
    lines = {_name(p): len(p.read_text().splitlines()) for p in ALL_MODULES}

    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("group", "source"),
    [
        ("data", "from bridge.artifact import Metadata"),
        ("export", "import bridge.passes.pipeline"),
        ("passes", "from bridge.export.builder import Builder"),
        ("export", "from bridge.runtime.predictor import load"),
        ("passes", "def f():\n    from bridge.runtime.session import open_session"),
        ("runtime", "if TYPE_CHECKING:\n    from bridge.export.graph import Exported"),
        ("runtime", "from bridge import passes"),
        ("verify", "from bridge.passes.rule import Options"),
        ("verify", "from bridge.compile import export"),
        ("errors", "from bridge.targets import Target"),
        ("runtime", "import sklearn"),
        ("passes", "def f():\n    import skl2onnx.common"),
        ("verify", "import importlib\nimportlib.import_module('onnxruntime')"),
        ("data", "from . import schema"),
        ("compile", "import bridge"),
    ],
)
def test_wrong_import_is_found(group, source):
    assert len(wrong_imports(group, imported_modules(source))) == 1


def test_right_imports_pass():
    source = "import numpy, onnxruntime\nfrom bridge.data.encode import Encoder\nfrom bridge.runtime import session"

    assert wrong_imports("runtime", imported_modules(source)) == []
