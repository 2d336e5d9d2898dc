"""The house rules that a machine can check: data flows downhill, and files stay small."""

import ast
import graphlib
import pathlib

# A module imports only from what stands above it, or from its own package.
ORDER = (
    *(
        "errors",
        "foreign",
        "foreign_layers",
        "foreign_arguments",
        "missing",
        "refusals",
        "tree",
        "dims",
        "types",
        "values",
        "lowering",
        "state",
        "graph",
        "text",
    ),
    *(
        "evaluate",
        "ops",
        "functions",
        "passes",
        "autodiff",
        "schedule",
        "codegen",
        "runtime",
        "compiler",
    ),
    *("jit", "transforms", "nn", "optim", "train", "viz", "io", "__init__", "__main__"),
)
# The same within the runtime; the modules that stand in no room import from all of them.
ROOMS = (
    *("environment", "cores", "collector", "language", "objects", "micro", "threads", "binding"),
    *("calls", "epochs", "reports"),
)
# The only module that imports by name: for a drawing or a plot.
LAZY = {
    "graphc.viz.loader": ("networkx", "matplotlib"),
}
HEAVY = {name for names in LAZY.values() for name in names}

ROOT = pathlib.Path(__file__).parent.parent
FILES = {
    ".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in ROOT.glob("graphc/**/*.py")
}
TREES = {module: ast.parse(path.read_text()) for module, path in FILES.items()}
NODES = [(module, node) for module, tree in TREES.items() for node in ast.walk(tree)]
IMPORTS = [
    (module, node) for module, node in NODES if isinstance(node, ast.Import | ast.ImportFrom)
]


def targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    """from graphc.ops import pointwise -> graphc.ops.pointwise, import graphc -> graphc.__init__"""
    base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    names = [f"{base}{alias.name}" for alias in node.names]
    places = [(n, f"{n}.__init__", base[:-1], f"{base}__init__") for n in names]
    return [next((p for p in four if p in TREES), four[0]) for four in places]


EDGES = [(module, target) for module, node in IMPORTS for target in targets(node)]


def test_imports_go_downhill_without_a_cycle() -> None:
    rank = {module: ORDER.index(module.split(".")[1]) for module in TREES}
    graph = {module: {b for a, b in EDGES if a == module and b in TREES} for module in TREES}
    assert [(a, b) for a, below in graph.items() for b in below if rank[a] < rank[b]] == []
    graphlib.TopologicalSorter(graph).prepare()  # its CycleError lists the modules


def test_rooms_of_the_runtime_go_downhill_too() -> None:
    place = {m: m.split(".")[2] for m in TREES if m.startswith("graphc.runtime.")}
    rank = {m: ROOMS.index(room) if room in ROOMS else len(ROOMS) for m, room in place.items()}
    inside = [(a, b) for a, b in EDGES if a in rank and b in rank]
    assert [(a, b) for a, b in inside if rank[a] < rank[b]] == []


def test_imports_stand_at_the_top_but_for_the_two_loaders() -> None:
    assert [(m, n.lineno) for m, n in IMPORTS if n not in TREES[m].body] == []
    light = [(a, b) for a, b in EDGES if a not in HEAVY]
    assert [(a, b) for a, b in light if {b, b.partition(".")[0]} & HEAVY] == []
    named = {
        m for m, n in NODES if "import_module" in (getattr(n, "attr", ""), getattr(n, "id", ""))
    }
    assert named <= LAZY.keys()


def test_files_and_functions_are_small() -> None:
    assert [m for m, path in FILES.items() if len(path.read_text().splitlines()) > 400] == []
    functions = [(m, n) for m, n in NODES if isinstance(n, ast.FunctionDef)]
    assert [(m, f.name) for m, f in functions if (f.end_lineno or 0) - f.lineno >= 50] == []


def test_every_module_has_a_docstring_and_packages_only_re_export() -> None:
    assert [module for module, tree in TREES.items() if not ast.get_docstring(tree)] == []
    bodies = [(m, node) for m in TREES if m.endswith("__init__") for node in TREES[m].body[1:]]
    code = [
        (m, ast.unparse(n)) for m, n in bodies if not isinstance(n, ast.Import | ast.ImportFrom)
    ]
    allowed = ("__all__", "__version__", "explain_refusals(__name__)")
    assert [c for c in code if not c[1].startswith(allowed)] == []
