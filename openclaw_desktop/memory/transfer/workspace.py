"""The workspace of OpenClaw and its kin: memory as Markdown files in a folder.

Owns which files are memories (MEMORY.md, USER.md, memory/*.md) and what their names say. Must not know how far a note
is trusted: what an export marked as untrusted is nobody's word on reading. Any thread; waits for the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.transfer.entries import Imported, moment, plain, unreadable
from openclaw_desktop.memory.transfer.files import is_folder, list_folder, no_conversations, open_file
from openclaw_desktop.memory.transfer.left_out import LeftOut
from openclaw_desktop.memory.transfer.markdown import Note, notes_in, quoted, unquoted, write_note
from openclaw_desktop.memory.transfer.writing import new_file, not_written, refuse_existing
from openclaw_desktop.storage.atomic import sync_folder

NOTES_BYTES = 4 * 1024**2
FILES = 20_000

FACTS, PROFILE, DAYS = "MEMORY.md", "USER.md", "memory"
# They say how an agent should behave, which is no memory.
INSTRUCTIONS = ("AGENTS.md", "SOUL.md", "HEARTBEAT.md", "IDENTITY.md", "TOOLS.md", "BOOTSTRAP.md", "DREAMS.md")
# 2026-11-24.md, and what a peer writes beside it: 2026-11-24-the-boat.md.
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-[^/]*)?\.md", re.IGNORECASE)
_NOON = time(12)
# In the first line of each file that is written here: another export may take its place.
_OURS = "<!-- written by openclaw-agent memory export -->"
_FIRST_LINE_BYTES = 200
# Of a time that no calendar has.
_NO_DAY = "1970-01-01"
_SPEAKER_CHARS = 100
_HELD_CHARS = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: facts, turns, and what has no place in such files (summaries, what was superseded).

    `sizes_bytes`: of each file, by its name; `removed`: how many files of an earlier export went.
    """

    facts: int
    turns: int
    left_out: int
    sizes_bytes: Mapping[str, int] = field(default_factory=dict, compare=False)
    removed: int = field(default=0, compare=False)


def is_workspace(path: Path) -> bool:
    """Tell whether a folder or a file holds notes of this kind."""
    return bool(_files(path))


def not_read(path: Path) -> tuple[str, ...]:
    """Return the names of the files of a workspace that are there and are no memories."""
    known = {name.lower() for name in INSTRUCTIONS}
    return tuple(inner.name for inner in list_folder(path) if inner.name.lower() in known) if is_folder(path) else ()


def read_workspace(path: Path, zone: tzinfo | None = None, left: LeftOut | None = None) -> Iterator[Imported]:
    """Yield the notes of a folder, or of one file; raises UserError.

    `zone`: where the days of the files' names begin, this machine's own where None. Headings stand before their notes:
    "Garden: the roses want cutting". Notes of a day are turns of that day's noon where nothing tells the time.
    """
    files = _files(path)
    if not files:
        raise no_conversations(path)
    if len(files) > FILES:
        raise unreadable(tr("{file} holds more than {limit} files.", file=visible(str(path)), limit=FILES))
    root = path if is_folder(path) else None
    for name, file in files:
        for note in notes_in(_text(file, name, root), left):
            yield _imported(note, name, zone)


def write_workspace(
    memories: Iterable[StoredMemory], folder: Path, overwrite: bool = False, zone: tzinfo | None = None
) -> Written:
    """Write memories as a workspace: facts to MEMORY.md, those about the user to USER.md, turns to a file a day.

    Pinned facts come first. Files are 0600, folders 0700. `zone`: whose days, this machine's own where None. Raises
    UserError; where one of the files is there, and not `overwrite`, nothing is changed. With it, files of an earlier
    export that this one has no place for go: what was forgotten since may stand in them.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(
            "export_not_a_folder",
            tr("{path} is no folder, and these notes are several files.", path=visible(str(folder))),
            tr("Choose another name."),
            ExitCode.USAGE,
        )
    parent = Path(os.path.realpath(folder)).parent
    try:
        workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=parent))
    except OSError as error:
        raise not_written(folder, error) from error
    try:
        spool = _Spool(workplace, zone)
        for memory in memories:
            spool.add(memory)
        spool.flush()
        sizes = _publish(spool, folder, overwrite)
        removed = _remove_earlier(folder, spool.names) if overwrite else 0
    except OSError as error:
        raise not_written(folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(workplace)
    return Written(spool.facts, spool.turns, spool.left_out, sizes, removed)


def _files(path: Path) -> list[tuple[str, Path]]:
    """Return name and place of each file of notes."""
    if not is_folder(path):
        notes = path.suffix.lower() == ".md" and path.name.lower() not in {name.lower() for name in INSTRUCTIONS}
        return [(path.name, path)] if notes else []
    found = []
    for inner in list_folder(path):
        name = inner.name
        if name.lower() in (FACTS.lower(), PROFILE.lower()) or _DAY.fullmatch(name):
            found.append((name, inner))
        elif name.lower() == DAYS and is_folder(inner) and not inner.is_symlink():
            found.extend((f"{DAYS}/{note.name}", note) for note in list_folder(inner) if note.suffix.lower() == ".md")
    return found


def _text(path: Path, name: str, root: Path | None) -> str:
    with open_file(path, NOTES_BYTES, root) as file:
        raw = file.read(NOTES_BYTES)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        sentence = tr("{file} is not text in UTF-8: see line {line}.", file=visible(name), line=line)
        raise unreadable(sentence) from error
    if "\0" in text:
        raise unreadable(tr("{file} is not text.", file=visible(name)))
    return without_controls(text)


def _imported(note: Note, name: str, zone: tzinfo | None) -> Imported:
    base = name.rpartition("/")[2]
    day = _day(base)
    usual = "user" if base.lower() == PROFILE.lower() else ""
    speaker = usual
    if "by" in note.marks:
        speaker = " ".join("".join(unquoted(note.marks["by"])).split())[:_SPEAKER_CHARS]
    created_at = moment(note.marks.get("at")) or (_noon(day, zone) if day else None)
    text = f"{' / '.join(note.headings)}: {note.text}" if note.headings else note.text
    # Where nothing tells, a note in the user's own folder counts as theirs.
    by_user = speaker in ("", "user") and "untrusted" not in note.marks
    session = f"openclaw:{name}" if day else None
    return Imported(
        plain(text),
        without_controls(speaker),
        created_at,
        session,
        "turn" if day else "fact",
        f"{visible(name)}:{note.line}",
        by_user,
    )


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(match[1]) if (match := _DAY.fullmatch(name)) else None
    except ValueError:
        return None


def _noon(day: date, zone: tzinfo | None) -> str | None:
    noon = datetime.combine(day, _NOON, zone)
    return moment((noon if zone else noon.astimezone()).isoformat())


class _Spool:
    """The files of a workspace while they are made: what comes is held for a while, and appended to them."""

    def __init__(self, folder: Path, zone: tzinfo | None) -> None:
        self.folder = folder
        self.names: set[str] = set()
        self.facts = self.turns = self.left_out = 0
        self._zone = zone
        self._held: dict[str, list[str]] = {}
        self._held_chars = 0

    def add(self, memory: StoredMemory) -> None:
        """Add a memory to the file where it belongs."""
        text = without_controls(memory.text).strip()
        turn = memory.kind == "turn"
        left_out = memory.kind == "summary" or (not turn and memory.superseded_by is not None)
        if left_out or not text:
            self.left_out += 1
            return
        if turn:
            name, usual = f"{DAYS}/{self._day(memory)}.md", ""
        else:
            name, usual = (PROFILE, "user") if memory.speaker == "user" else (FACTS, "")
        note = write_note(text, _marks(memory, usual))
        if not note:
            self.left_out += 1
            return
        self.turns += turn
        self.facts += not turn
        self.names.add(name)
        place = f"{name}.pinned" if memory.pinned and not turn else name
        self._held.setdefault(place, []).append(note)
        self._held_chars += len(note)
        if self._held_chars > _HELD_CHARS:
            self.flush()

    def flush(self) -> None:
        """Append what is held to the files."""
        for place, notes in self._held.items():
            path = self.folder / place
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with path.open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(notes)
        self._held, self._held_chars = {}, 0

    def _day(self, memory: StoredMemory) -> str:
        try:
            return datetime.fromtimestamp(memory.created_s, self._zone).date().isoformat()
        except (ValueError, OverflowError, OSError):
            return _NO_DAY


def _marks(memory: StoredMemory, usual: str) -> dict[str, str]:
    created_at = moment(memory.created_at)
    marks = {"at": created_at} if created_at else {}
    if memory.speaker != usual:
        marks["by"] = quoted(memory.speaker)
    if memory.label.integrity == "untrusted":
        marks["untrusted"] = quoted(*memory.label.origins)
    return marks


def _publish(spool: _Spool, folder: Path, overwrite: bool) -> dict[str, int]:
    names = sorted(spool.names)
    if not overwrite:
        for name in names:
            refuse_existing(folder / name)
    folder.mkdir(mode=0o700, exist_ok=True)
    sizes: dict[str, int] = {}
    for name in names:
        target = folder / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with new_file(target, overwrite) as file:
            file.write(f"# {target.stem} {_OURS}\n\n".encode())
            for part in (spool.folder / f"{name}.pinned", spool.folder / name):
                if part.exists():
                    with part.open("rb") as notes:
                        shutil.copyfileobj(notes, file)
            sizes[name] = file.tell()
    sync_folder(folder)
    return sizes


def _remove_earlier(folder: Path, names: Collection[str]) -> int:
    """Remove the files of an earlier export that are none of `names`; what others wrote there stays."""
    stale = [file for name, file in _files(folder) if name not in names and _is_ours(file)]
    for file in stale:
        file.unlink()
        sync_folder(file.parent)
    return len(stale)


def _is_ours(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.readline(_FIRST_LINE_BYTES).rstrip().endswith(_OURS.encode())
