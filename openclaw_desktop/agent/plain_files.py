"""Plain requests about one file or folder: read this, list that.

Owns the words that such a request may have beside the path. It is closed: one word that it does not know, and the
request is left to a model. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Show what the file at `path` (in the user's words) says."""

    path: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ListFolder:
    """Show what is in the folder at `path` (in the user's words)."""

    path: str
    certain: bool = True


_QUOTE = "\"'“”‘’`"
# In quotes a path may hold spaces; bare, one that begins like a path does so up to an ending.
_PATH = re.compile(
    rf"[{_QUOTE}](?P<quoted>[^{_QUOTE}\n]*(?:[/~\\]|\.[A-Za-z0-9]{{1,8}})[^{_QUOTE}\n]*)[{_QUOTE}](?![A-Za-z])"
    r"|(?<![\w/])(?P<spaced>(?:~|\.{1,2})?/[^?*<>|\n\"“”]*?\w\.[A-Za-z0-9]{1,8})"
    r"(?=[\s?.!,]*(?:$|\s(?:say|contain|please|file|to me|for me|and show)))"
    r"|(?<![\w/])(?P<bare>(?:~|\.{1,2})?/[^\s?*<>|\"“”,]*|~(?=[\s?.!,]|$))"
    r"|(?<![\w/.-])(?P<named>[\w-][\w.-]*(?<=[\w-])\.[A-Za-z][A-Za-z0-9]{0,7})(?![\w/])"
)
_ADDRESS = re.compile(r"https?:|www\.|\b[\w-]+\.(?:com|org|net|io|edu|gov|dev)(?:[/\s?.!,]|$)", re.IGNORECASE)
_KNOWN = re.compile(
    r"\b(?:downloads?|documents?|desktop|pictures?|music|videos?|home)(?=\s+(?:folder|directory|dir)\b)", re.IGNORECASE
)
# "What files are in my Downloads?": a capital makes it the folder's name.
_KNOWN_NAME = re.compile(r"(?<!^)\b(?:Downloads|Documents|Desktop|Pictures|Music|Videos)\b")
_NAMES = {"download": "Downloads", "document": "Documents", "picture": "Pictures", "video": "Videos", "home": "~"}
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")


def _read_words(table: str) -> frozenset[str]:
    return frozenset(table.split())


_FILLER = _read_words("""
    a all an and aloud are can contained could directly do does everything exactly for from full give got has have hello
    hey hi i is it its kindly let me my now of ok okay on one our out please quickly see some stored tell thank thanks
    that the there these they this those to us want what what's whats which will with would you your
""")
_READING = _read_words("""
    cat content contents contain contains display document file inside in look at note open print read reading say says
    show text view whole written
""")
_LISTING = _read_words("""
    at content contents dir directories directory display documents file files folder folders in inside items kept lie
    lies list listing look ls name names overview print show things under view
""")
_FOLDER_WORDS = _read_words(
    "dir directories directory files folder folders items list listing ls names overview things"
)
_INSIDE = frozenset({"in", "inside", "under"})


def parse_files(text: str) -> ReadFile | ListFolder | None:
    """Return what `text` asks to read or to list; None where it is not certain that it asks for just that."""
    if _ADDRESS.search(text):
        return None
    paths = list(_PATH.finditer(text))
    if not paths and (known := _KNOWN.search(text) or _KNOWN_NAME.search(text)) is not None:
        rest = _words(text, known)
        if rest <= _FILLER | _LISTING and rest & _LISTING:
            return ListFolder(_NAMES.get(known[0].lower(), known[0].capitalize()))
    if len(paths) != 1:
        return None
    path = next(part for part in paths[0].groups() if part).rstrip(".,")
    rest = _words(text, paths[0])
    named = _ENDING.search(path) is not None
    if rest & _FOLDER_WORDS or path.endswith("/") or (not named and rest & _INSIDE):
        return ListFolder(path) if rest <= _FILLER | _LISTING and rest & _LISTING else None
    return ReadFile(path) if rest <= _FILLER | _READING and rest & _READING else None


def _words(text: str, path: re.Match[str]) -> frozenset[str]:
    """Return the words of `text` beside its path."""
    return frozenset(_WORD.findall((text[: path.start()] + " " + text[path.end() :]).lower().replace("’", "'")))
