"""Who may import whom: the contracts of pyproject.toml, and what they cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import MODULES, Module, lazy_imports, rooms_imported

ROOT = Path(__file__).parents[2]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]

# Where an import may stand inside a function, and why.
LAZY = {
    "cli/": "a worker, a verb and the tray each load only what they need",
    "tools/mail/writing_tools.py": "the standard library's email costs 2 MB, and an idle agent writes no mail",
    "tools/skills/shelf.py": "tarfile and zipfile are for a person who installs or approves: the agent only reads",
    "service/walls/tooling.py": "dateutil and jsonschema have no place in an idle agent",
    "runtime.py": "what only one of the programs starts",
    "inference/download/": "httpx costs an idle agent 8 MB, and most days it fetches nothing",
    "memory/__init__.py": "a verb that shows what a running agent remembers needs the plain values alone",
    "memory/vectors/engines.py": "numpy, tokenizers and the table cost 55 MB that an idle agent must not hold",
    "memory/vectors/index.py": "numpy, before there is something to count with it",
    "inference/endpoints/wire.py": "httpx costs 0.2 s, and who uses the built-in model never needs it",
    "workers/sandbox/proof.py": "the acts are for who tries them: the agent and its worker only read what came of it",
    "ui/__init__.py": "Python's own import is put back after Qt's binding replaced it",
    "ui/application.py": "the icon shows before the rest of the window is loaded",
    "ui/desktop.py": "QtDBus costs a megabyte; neither it nor the windows of a first or failed start are often needed",
    "system/secrets/": "keyring and cryptography are loaded with the first secret",
    "security/broker/": "httpcore comes with the first request: an idle agent fetches nothing",
    "system/desktop_bus.py": "jeepney belongs to the desktop extra: the headless agent runs without it",
    "system/autostart/autostart.py": "each system reads entries of its own kind; plistlib is for one of them",
    "system/x11.py": "python-xlib belongs to the desktop extra: the headless agent runs without it",
    "system/hotkey/x11.py": "the same",
    "system/bus_link.py": "jeepney, where there is a message bus",
    "system/inhibit/": "the same, with the first run that sleep is held off for",
    "system/screenshot/": "the same, and jeepney: an idle agent takes no picture",
    "system/toast/": "each handler of a desktop brings what the other desktops have no use for",
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_import_contracts_are_kept() -> None:
    ended = lint(ROOT)
    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("core/ids.py", "import openclaw_desktop.storage.database"),
        ("memory/records.py", "import openclaw_desktop.inference.client"),
        ("ui/flow.py", "import openclaw_desktop.storage.database"),
        ("service/walls/questions.py", "import PySide6.QtCore"),
        ("cli/serve.py", "import qasync"),
        ("inference/client.py", "import llama_cpp"),
        ("attic/__init__.py", "import json"),
    ],
)
def test_the_contracts_see_a_forbidden_import(tmp_path: Path, place: str, line: str) -> None:
    package = tmp_path / "openclaw_desktop"
    for module in MODULES:
        (package / module.name).parent.mkdir(parents=True, exist_ok=True)
        (package / module.name).write_text(module.text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (package / place).parent.mkdir(exist_ok=True)
    with (package / place).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    ended = lint(tmp_path)
    assert ended.returncode == 1 and " BROKEN" in ended.stdout, ended.stdout


@pytest.mark.parametrize("module", [m for m in MODULES if m.room in ("ui", "web")], ids=lambda m: m.name)
def test_a_front_end_imports_runtime_service_and_core_alone(module: Module) -> None:
    assert rooms_imported(module) <= {module.room, "runtime", "service", "core"}


def test_imports_stand_at_the_top_but_where_a_reason_is_listed() -> None:
    found = {module.name: lines for module in MODULES if (lines := lazy_imports(module))}
    assert {name for name in found if not name.startswith(tuple(LAZY))} == set(), found


def test_every_listed_place_still_needs_its_lazy_import() -> None:
    # runtime.py may have some; today it needs none.
    lazy = [module.name for module in MODULES if lazy_imports(module)]
    assert [place for place in LAZY if not any(name.startswith(place) for name in lazy)] in ([], ["runtime.py"])


@pytest.mark.parametrize("module", [m for m in MODULES if m.room == "core"], ids=lambda m: m.name)
def test_core_needs_the_standard_library_alone(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            assert name.startswith("openclaw_desktop.core") or name.split(".")[0] in sys.stdlib_module_names, name
