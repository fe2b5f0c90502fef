"""The product's source as syntax trees, read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openclaw_desktop

PACKAGE = Path(openclaw_desktop.__file__).parent


@dataclass(frozen=True)
class Module:
    """One file of the package; `name` is its path from there, such as `cli/agent.py`."""

    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.split("/")[0].removesuffix(".py")


def read(path: Path, root: Path = PACKAGE) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path.relative_to(root).as_posix(), text, ast.parse(text))


MODULES = [read(path) for path in sorted(PACKAGE.rglob("*.py"))]


def calls_of(module: Module, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            yield node


def lazy_imports(module: Module) -> list[int]:
    """Lines of the import statements inside functions."""
    return [
        node.lineno
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def rooms_imported(module: Module) -> set[str]:
    """The rooms of our own package that a module imports from."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    ours = [name.split(".") for name in names if name.startswith("openclaw_desktop.")]
    return {parts[1] for parts in ours if not parts[1].startswith("_")}
