"""Reading a change line by line for what a reviewer should look at: secrets, conflict marks, tests that went, and more.

Owns the checks: each is a rule that finds the same in the same change, so that no model has to be believed. It says
where, never what the secret is. Must not know who asked. Tool worker, in the jailed child.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH118

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from openclaw_desktop.workers.calls import JSON, Handler

LARGE_BYTES, LARGE_LINES = 1_000_000, 1_000
NEW_FILES, NEW_FILE_BYTES = 200, 256 << 10
FINDINGS = 100
_FLAGS: int = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}"
    r"|\bglpat-[\w-]{20,}|\bxox[abeprs]-[\w-]{10,}|\bAIza[\w-]{35}|\bsk-[A-Za-z0-9_-]{20,}|\bsk_live_\w{16,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\b\w{2,10}://[^\s/:@'\"]{1,100}:[^\s/@'\"{}$<]{3,100}@\w"
)
_ASSIGNED = re.compile(
    r"(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)[\"']?\s{0,5}[:=]\s{0,5}[\"'](?P<value>[^\"'\s]{8,200})[\"']",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\$\{|\{\{|<|xxx|example|change|dummy|placeholder|secret:|your|test", re.IGNORECASE)
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: .*)?|={7}")
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff\U000e0000-\U000e007f]")
_DEBUG = re.compile(
    r"\bbreakpoint\(\)|\bpdb\.set_trace\(|\bdebugger;|\bconsole\.log\(|\bbinding\.pry\b|\bdbg!\(|\bvar_dump\("
)
_LATER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_SKIPPED = re.compile(
    r"@pytest\.mark\.(?:skip|xfail)|@unittest\.skip|\bpytest\.skip\(|\b(?:it|test|describe)\.skip\(|\bx(?:it|describe)\("
    r"|@Ignore\b|@Disabled\b|\bt\.Skip\(|#\[ignore\]"
)
_TEST = re.compile(r"\bdef test_\w+|\b(?:it|test)\([\"'`]|\bfunc Test\w+|@Test\b|#\[test\]|\bTEST(?:_F)?\(")
_TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__)/|(?:^|/)test_[^/]+$|[._-](?:test|spec)s?\.\w+$", re.IGNORECASE
)
_RUNS_BY_ITSELF = re.compile(
    r"(?:^|/)(?:\.github/workflows/|\.gitlab-ci|\.circleci/|\.husky/|\.githooks/|\.vscode/tasks|\.devcontainer/|\.envrc$"
    r"|Jenkinsfile|Makefile$|Dockerfile|setup\.py$|conftest\.py$|package\.json$|build\.rs$|\.pre-commit)",
    re.IGNORECASE,
)
_KEY_FILE = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?!example|sample|template)\w+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.pgpass|credentials(?:\.json)?"
    r"|\.npmrc|\.pypirc|[^/]+\.(?:pem|key|p12|pfx|jks|kdbx))$",
    re.IGNORECASE,
)
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(?P<line>\d+)(?:,\d+)? @@")
_ESCAPE = re.compile(r'\\([0-7]{3}|[abtnvfr"\\])')
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_LINK, _SUBMODULE = "120000", "160000"


def changed(text: str) -> JSON:
    """Read `diff --raw --numstat -z --abbrev=40`: a list of what became of each file.

    {"path", "from", "kind" (A, D, M, R, T ...), "added", "removed" (null: no text), "mode", "mode_before", "blob"}.
    """
    parts = text.split("\0")
    files: dict[str, dict[str, JSON]] = {}
    place = 0
    while place < len(parts) - 1:
        part = parts[place]
        place += 1
        if part.startswith(":"):
            words = part[1:].split(" ")
            if len(words) != 5:
                continue
            names = parts[place : place + (2 if words[4][:1] in ("R", "C") else 1)]
            place += len(names)
            if not names or not names[-1]:
                continue
            files[names[-1]] = {
                "path": names[-1], "from": names[0] if len(names) == 2 else "", "kind": words[4][:1],
                "mode_before": words[0], "mode": words[1], "blob": words[3], "added": None, "removed": None,
            }  # fmt: skip
        elif len(numbers := part.split("\t")) == 3:
            path = numbers[2]
            if not path:  # renamed: both names follow
                path = parts[place + 1] if place + 1 < len(parts) else ""
                place += 2
            if path in files and numbers[0].isdigit() and numbers[1].isdigit():
                files[path] |= {"added": int(numbers[0]), "removed": int(numbers[1])}
    return list(files.values())


def review(files: Sequence[Mapping[str, JSON]], patch: str, sizes: Mapping[str, int]) -> JSON:
    """Return {"findings": [{"kind", "path", "line"}], "more"}: what of a change is worth a look, at most FINDINGS.

    `files`: of `changed`; `patch`: the diff itself; `sizes`: bytes of each new content by its path. `line` is 0 where
    it is the whole file. `more`: how many were left out.
    """
    found: list[tuple[str, str, int]] = []
    for file in files:
        found += ((kind, str(file["path"]), 0) for kind in _of_file(file, sizes.get(str(file["path"]), 0)))
    tests: Counter[str] = Counter()
    for path, line, sign, words in _lines(patch):
        if _TEST_FILE.search(path) and _TEST.search(words):
            tests[path] += 1 if sign == "+" else -1
        if sign == "+":
            found += ((kind, path, line) for kind in _of_line(words, path))
    gone = {str(file["path"]) for file in files if file["kind"] == "D"}
    found += (("tests_gone", path, 0) for path, count in tests.items() if count < 0 and path not in gone)
    return _told(found)


def new_files(top: str, paths: Sequence[str]) -> JSON:
    """Look at files that Git does not know yet: {"files": [as of `changed`], "sizes", "findings", "more"}."""
    files: list[dict[str, JSON]] = []
    found: list[tuple[str, str, int]] = []
    sizes: dict[str, int] = {}
    for path in paths[:NEW_FILES]:
        try:
            mode, data = _content(os.path.join(top, path))
        except OSError:
            continue
        is_text = b"\0" not in data[:8000]
        lines = data.decode("utf-8", "replace").splitlines() if is_text else []
        git_mode = _LINK if stat.S_ISLNK(mode.st_mode) else "100755" if mode.st_mode & 0o111 else "100644"
        file: dict[str, JSON] = {
            "path": path, "from": "", "kind": "A", "mode_before": "000000", "mode": git_mode, "blob": "",
            "added": len(lines) if is_text else None, "removed": 0 if is_text else None,
        }  # fmt: skip
        files.append(file)
        sizes[path] = mode.st_size
        found += ((kind, path, 0) for kind in _of_file(file, mode.st_size))
        for number, words in enumerate(lines, start=1):
            found += ((kind, path, number) for kind in _of_line(words, path))
    return {"files": files, "sizes": sizes, **_told(found)}


def file_sizes(top: str, paths: Sequence[str]) -> JSON:
    """Return the bytes of those of `paths` that are there, by path."""
    sizes = {}
    for path in paths:
        try:
            sizes[path] = os.lstat(os.path.join(top, path)).st_size
        except OSError:
            continue
    return sizes


def _told(found: Sequence[tuple[str, str, int]]) -> dict[str, JSON]:
    once = list(dict.fromkeys(found))
    shown = [{"kind": kind, "path": path, "line": line} for kind, path, line in once[:FINDINGS]]
    return {"findings": shown, "more": len(once) - len(shown)}


def _of_file(file: Mapping[str, JSON], size_bytes: int) -> Iterator[str]:
    path, kind, mode = str(file["path"]), file["kind"], file["mode"]
    if kind == "D":
        if _TEST_FILE.search(path):
            yield "tests_gone"
        return
    if _KEY_FILE.search(path):
        yield "key_file"
    if mode == _LINK:
        yield "link"
    elif mode == _SUBMODULE:
        yield "submodule"
    elif size_bytes > LARGE_BYTES:
        yield "large"
    if mode == "100755" and file["mode_before"] != "100755":
        yield "executable"
    if _RUNS_BY_ITSELF.search(path):
        yield "runs_by_itself"
    if (file["added"] or 0) + (file["removed"] or 0) > LARGE_LINES:
        yield "many_lines"


def _of_line(words: str, path: str) -> Iterator[str]:
    words = words[:4000]
    if _SECRET.search(words) or any(not _PLACEHOLDER.search(match["value"]) for match in _ASSIGNED.finditer(words)):
        yield "secret"
    if _CONFLICT.fullmatch(words.rstrip("\r")):
        yield "conflict"
    if _HIDDEN.search(words):
        yield "hidden"
    if _DEBUG.search(words):
        yield "debug"
    if _LATER.search(words):
        yield "later"
    if _TEST_FILE.search(path) and _SKIPPED.search(words):
        yield "skipped_test"


def _lines(patch: str) -> Iterator[tuple[str, int, str, str]]:
    """Yield path, line number, sign and words of each changed line."""
    old = new = ""
    line, inside = 0, False
    for row in patch.split("\n"):
        if row.startswith("diff --git "):
            old = new = ""
            inside = False
        elif not inside and row.startswith("--- "):
            old = _path_of(row[4:])
        elif not inside and row.startswith("+++ "):
            new = _path_of(row[4:])
        elif match := _HUNK.match(row):
            line, inside = int(match["line"]), True
        elif inside and row[:1] == "+":
            yield new or old, line, "+", row[1:]
            line += 1
        elif inside and row[:1] == "-":
            yield new or old, line, "-", row[1:]
        elif inside and row[:1] == " ":
            line += 1


def _path_of(words: str) -> str:
    """Return the path that a header of a diff names, "" for /dev/null."""
    words = words.removesuffix("\t")
    if words == "/dev/null":
        return ""
    if words.startswith('"') and words.endswith('"'):
        words = _unquoted(words[1:-1])
    return words[2:] if words[:2] in ("a/", "b/") else words


def _unquoted(words: str) -> str:
    """Return a path that Git wrote in quotes, with its escapes of bytes."""

    def plain(match: re.Match[str]) -> str:
        escape = match[1]
        return chr(_ESCAPES[escape] if escape in _ESCAPES else int(escape, 8) & 0xFF)

    return _ESCAPE.sub(plain, words)


def _content(path: str) -> tuple[os.stat_result, bytes]:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        return status, b""
    file = os.open(path, _FLAGS)
    try:
        return status, os.read(file, NEW_FILE_BYTES)
    finally:
        os.close(file)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "git.changed": changed,
        "git.review": review,
        "git.new_files": new_files,
        "git.file_sizes": file_sizes,
    }
)
