"""The jail of a Python script: what third-party plugins get, and `sandbox exec`.

Owns which files of Python itself such a script may read. Must not know who wrote the script. Either process.
"""

from __future__ import annotations

import os
import runpy
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox.landlock import LATEST_ABI
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

_FROZEN = bool(getattr(sys, "frozen", False))
_PACKAGE = Path(__file__).parents[1]


def python_jail(
    read: Sequence[str], write: Sequence[str], *, names: Sequence[str] = (), landlock_abi: int = LATEST_ABI
) -> ProgramJail:
    """Return the jail of a script that may read `read` and change `write`, and start Python alone.

    Paths are canonical; `names` are other names of theirs that must lead there too.
    """
    interpreter = os.path.realpath(sys.executable)
    return ProgramJail(
        (*_python_files(), *read), tuple(write), (interpreter,), names=tuple(names), landlock_abi=landlock_abi
    )


def script_program(
    script: Path, arguments: Sequence[str], jail: ProgramJail, cwd: str = "", timeout_s: float = 0.0
) -> Program:
    """Return the program that runs a script (canonical path) in `jail`, without what the user's own Python loads."""
    start = (sys.executable, "worker", "script") if _FROZEN else (sys.executable, "-s", "-B")
    environment = {"PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return Program((*start, str(script), *arguments), jail, cwd, environment, timeout_s)


def run_script(words: Sequence[str]) -> int:
    """Be the Python of a frozen program: run the script `words[0]` with the rest as its arguments."""
    sys.argv = list(words)
    sys.path.insert(0, os.path.dirname(words[0]))  # noqa: PTH120 - as Python does it
    runpy.run_path(words[0], run_name="__main__")
    return 0


def _python_files() -> tuple[str, ...]:
    """Return what of Python and its packages a script needs to read: the library, and where packages are."""
    if _FROZEN:
        return (str(Path(sys.executable).resolve().parent),)
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    if sys.prefix != sys.base_prefix:
        base = {"base": sys.base_prefix, "platbase": sys.base_prefix}
        paths += [sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")]
        paths += [f"{sys.prefix}/pyvenv.cfg", str(Path(sys.executable).parent)]
    paths.append(str(_PACKAGE))
    return tuple(dict.fromkeys(os.path.realpath(path) for path in paths if path and Path(path).exists()))
