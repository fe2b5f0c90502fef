"""Looking into a Git repository's own folder, and reading what Git prints: inside the jail.

Owns which settings of a repository are taken over: a short list of those that only say how files are compared, each
with the values that it may have. All else, such as a program to start or a file to include, is never passed on. Must
not know whether it may read: the jail has decided. Tool worker, in the jailed child.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH115, PTH118, PTH119, PTH208

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

_READ_FLAGS: int = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
)
_LINE_BYTES, _CONFIG_BYTES, _ENTRIES = 4096, 256 << 10, 500
_REF = r"refs/[\w][\w./+@-]{0,200}"
_BOOL = r"true|false|yes|no|on|off|1|0"
# What may be taken over from a repository's settings, and the values that it may have.
_TAKEN: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(name), re.compile(value, re.IGNORECASE))
    for name, value in (
        (r"core\.repositoryformatversion", r"[01]"),
        (r"core\.(?:filemode|ignorecase|symlinks|precomposeunicode|sparsecheckout|sparsecheckoutcone)", _BOOL),
        (r"core\.autocrlf", rf"{_BOOL}|input"),
        (r"core\.eol", r"lf|crlf|native"),
        (r"extensions\.objectformat", r"sha1|sha256"),
        (r"extensions\.refstorage", r"files|reftable"),
        # How far a branch is ahead of the one it follows. No address: nothing is fetched.
        (r"branch\.[\w][\w./+@-]{0,200}\.remote", r"\.|[\w][\w.-]{0,100}"),
        (r"branch\.[\w][\w./+@-]{0,200}\.merge", _REF),
        (r"remote\.[\w][\w.-]{0,100}\.fetch", rf"\+?{_REF}(?:/\*)?:{_REF}(?:/\*)?"),
    )
)
_SECTION = re.compile(r'\[\s*(?P<name>[A-Za-z0-9.-]+)(?:\s+"(?P<sub>(?:[^"\\]|\\.)*)")?\s*\](?P<rest>.*)')
_SETTING = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(?P<value>.*))?")
_HEAD = re.compile(rf"ref: ?{_REF}|[0-9a-f]{{40}}|[0-9a-f]{{64}}")
# An entry of `status --porcelain=v2 -z`: how many words stand before the path.
_WORDS_BEFORE = {"1": 8, "2": 9, "u": 10, "?": 1}


def layout(top: str) -> JSON:
    """Return {"store"}: where the folder `top` keeps its repository, as it says itself; raises CallFailed."""
    place = os.path.join(top, ".git")
    try:
        mode = os.lstat(place).st_mode
    except FileNotFoundError:
        raise CallFailed("no_repository", "there is no .git") from None
    if stat.S_ISDIR(mode):
        return {"store": place}
    if stat.S_ISLNK(mode):
        return {"store": os.path.join(top, os.readlink(place))}
    line = _read(place, _LINE_BYTES).removesuffix("\n")
    if not line.startswith("gitdir: ") or "\0" in line or "\n" in line:
        raise CallFailed("no_repository", "its .git says nothing of use")
    return {"store": os.path.join(top, line.removeprefix("gitdir: "))}


def store(folder: str) -> JSON:
    """Return {"common", "head", "names", "config", "attributes"} of a repository's own folder.

    `common`: where the rest is kept if this is but a second work tree of it, else "". `config`: lines of
    [section, subsection, name, value], of the settings that may be taken over. `attributes`: what the user set of
    files' kinds for this repository alone. Raises CallFailed, OSError.
    """
    names = sorted(os.listdir(folder))[:_ENTRIES]
    common = _read(os.path.join(folder, "commondir"), _LINE_BYTES).strip() if "commondir" in names else ""
    head = _read(os.path.join(folder, "HEAD"), _LINE_BYTES).strip() if "HEAD" in names else ""
    if not _HEAD.fullmatch(head):
        raise CallFailed("no_repository", "its HEAD says nothing of use")
    text = _read(os.path.join(folder, "config"), _CONFIG_BYTES) if "config" in names else ""
    config = [list(line) for line in settings(text)]
    attributes = os.path.join(folder, "info", "attributes")
    return {
        "common": os.path.join(folder, common) if common else "", "head": head, "names": names, "config": config,
        "attributes": _read(attributes, _CONFIG_BYTES) if _is_file(attributes) else "",
    }  # fmt: skip


def settings(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield section, subsection, name and value of each setting that may be taken over from a Git configuration.

    What stands there in another way than Git writes it, such as over several lines, is left out; so is all else.
    """
    section = sub = ""
    for raw in text.splitlines():
        line = raw.strip()
        if match := _SECTION.fullmatch(line):
            section, sub = match["name"].lower(), match["sub"] or ""
            line = match["rest"].strip()
        found = _SETTING.fullmatch(line)
        if found is None:
            continue
        key = found["key"].lower()
        value = "true" if found["value"] is None else found["value"].strip().strip('"')
        name = ".".join(part for part in (section, sub, key) if part)
        if any(wanted.fullmatch(name) and allowed.fullmatch(value) for wanted, allowed in _TAKEN):
            yield section, sub, key, value


def status(text: str) -> JSON:
    """Read `status --porcelain=v2 --branch -z`: {"branch", "upstream", "ahead", "behind", "entries"}.

    An entry is {"path", "from", "index", "work"}: what is staged and what is not, each a letter of Git's or "".
    """
    found: dict[str, JSON] = {"branch": "", "upstream": "", "ahead": None, "behind": None}
    entries: list[dict[str, str]] = []
    parts = iter(text.split("\0"))
    for part in parts:
        kind = part[:1]
        if kind == "#":
            name, *words = part[2:].split(" ")
            if name == "branch.head":
                found["branch"] = " ".join(words)
            elif name == "branch.upstream":
                found["upstream"] = " ".join(words)
            elif name == "branch.ab" and all(word[1:].isdecimal() for word in words) and len(words) == 2:
                found["ahead"], found["behind"] = int(words[0][1:]), int(words[1][1:])
        elif kind in _WORDS_BEFORE:
            words = part.split(" ", _WORDS_BEFORE[kind])
            if len(words) <= _WORDS_BEFORE[kind]:
                continue  # the last one, cut off by the limit
            letters = "??" if kind == "?" else "UU" if kind == "u" else words[1]
            before = next(parts, "") if kind == "2" else ""
            index, work = (letter.replace(".", "") for letter in letters)
            entries.append({"path": words[-1], "from": before, "index": index, "work": work})
    return {**found, "entries": entries}


def log(text: str) -> JSON:
    """Read what `git.LOG_FORMAT` makes of commits: a list of {"id", "author", "date", "subject"}."""
    commits = []
    for record in text.split("\0"):
        fields = record.split("\x1f", 3)  # a subject may hold one of its own, and hides nothing by it
        if len(fields) == 4:
            commits.append(dict(zip(("id", "author", "date", "subject"), fields, strict=True)))
    return commits


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _read(path: str, limit_bytes: int) -> str:
    """Return the text of a regular file, no link; raises CallFailed where it is another thing or too long."""
    try:
        file = os.open(path, _READ_FLAGS)
    except OSError as error:
        raise CallFailed("no_repository", f"{os.path.basename(path)} can't be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise CallFailed("no_repository", f"{os.path.basename(path)} is no file")
        data = b""
        while chunk := os.read(file, limit_bytes + 1 - len(data)):
            data += chunk
    finally:
        os.close(file)
    if len(data) > limit_bytes:
        raise CallFailed("no_repository", f"{os.path.basename(path)} is too long")
    return data.decode("utf-8", "replace")


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"git.layout": layout, "git.store": store, "git.status": status, "git.log": log}
)
