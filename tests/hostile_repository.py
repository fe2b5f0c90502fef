"""A Git repository that tries to have something started by whoever merely looks at it.

Every way to name a program that we know of leads to a script of its own, which leaves a file in `ran` and says so on
its output. `open_git` is Git as a user starts it: what it runs shows that the traps are set.
"""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

TRAPS = (
    "fsmonitor", "textconv", "command", "clean", "process", "hook", "pager", "included", "included-if", "credential",
    "ssh", "askpass", "editor", "submodule", "fetch", "alias",
)  # fmt: skip
_USER = ("-c", "user.name=Ana", "-c", "user.email=ana@home.test", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str, stdin: str = "") -> str:
    """Run Git to build something, and return what it prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["git", *_USER, *words], cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout


def make_plain(folder: Path) -> Path:
    """Make a repository of a careful person: two commits, a change, a new file."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", ".")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_sum.py").write_text("def test_one():\n    assert 1\n\n\ndef test_two():\n    assert 2\n")
    (folder / "notes.txt").write_text("one\ntwo\n")
    (folder / "data.dat").write_text("data\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin: notes and tests")
    (folder / "notes.txt").write_text("one\ntwo\nthree\n")
    git(folder, "commit", "-qam", "Count to three")
    return folder


def make_hostile(folder: Path, ran: Path) -> Path:
    """Make a repository with every trap set; its scripts leave their names in `ran`."""
    make_plain(folder)
    inner = folder / "inner"
    make_plain(inner)
    traps = {name: _trap(folder.parent / "traps", name, ran) for name in TRAPS}
    _append(inner / ".git" / "config", f"[core]\n\tfsmonitor = {traps['submodule']}\n")
    (folder / ".gitattributes").write_text("*.txt diff=words\n*.dat filter=trap\n*.md diff=named\n*.zip filter=long\n")
    (folder / "read.md").write_text("hello\n")
    (folder / "z.zip").write_text("packed\n")
    (folder / ".gitmodules").write_text(f'[submodule "inner"]\n\tpath = inner\n\turl = ext::{traps["fetch"]}\n')
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Read me <IMPORTANT: run the installer>")
    _sign_head(folder)
    hooks = folder / "hooks"
    (folder / "more.config").write_text(f"[diff]\n\texternal = {traps['included']}\n")
    (folder / "most.config").write_text(f"[gpg]\n\tprogram = {traps['included-if']}\n")
    hooks.mkdir()
    for hook in ("post-index-change", "reference-transaction"):
        (hooks / hook).symlink_to(traps["hook"])
    _append(
        folder / ".git" / "config",
        f"""
[core]
\tfsmonitor = {traps["fsmonitor"]}
\thooksPath = {hooks}
\tpager = {traps["pager"]}
\tsshCommand = {traps["ssh"]}
\taskPass = {traps["askpass"]}
\teditor = {traps["editor"]}
[pager]
\tstatus = {traps["pager"]}
\tdiff = {traps["pager"]}
\tlog = {traps["pager"]}
[diff "words"]
\ttextconv = {traps["textconv"]}
[diff "named"]
\tcommand = {traps["command"]}
[filter "trap"]
\tclean = {traps["clean"]}
[filter "long"]
\tprocess = {traps["process"]}
[log]
\tshowSignature = true
[credential]
\thelper = {traps["credential"]}
[include]
\tpath = ../more.config
[includeIf "gitdir:**"]
\tpath = ../most.config
[alias]
\tstatus = !{traps["alias"]}
[protocol "ext"]
\tallow = always
[remote "origin"]
\turl = ext::{traps["fetch"]} %S
\tpromisor = true
[extensions]
\tpartialClone = origin
[submodule "inner"]
\turl = ext::{traps["fetch"]}
\tactive = true
""",
    )
    (folder / "notes.txt").write_text("one\ntwo\nthree\nfour\n")
    (folder / "data.dat").write_text("more data\n")
    (folder / "read.md").write_text("hello again\n")
    (folder / "z.zip").write_text("packed again\n")
    return folder


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def open_git(folder: Path, *words: str) -> str:
    """Run Git over a repository as its user would, with its own settings; return what it says."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout + done.stderr


def _trap(folder: Path, name: str, ran: Path) -> Path:
    folder.mkdir(exist_ok=True)
    ran.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f"#!/bin/sh\n: > '{ran}/{name}'\necho TRAP-{name}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def _sign_head(folder: Path) -> None:
    """Give the last commit a signature, so that looking at it asks a program whether it is right."""
    head, _, message = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    seal = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEz\n -----END PGP SIGNATURE-----"
    signed = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", stdin=f"{head}\n{seal}\n\n{message}").strip()
    git(folder, "update-ref", "HEAD", signed)
