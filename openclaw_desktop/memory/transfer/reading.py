"""Memory of other programs, whatever its form.

Owns which form a file or folder has. Must not know who asks, nor how far what it reads is trusted. Any thread; waits
for the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.transfer.chatgpt import is_chatgpt, read_chatgpt
from openclaw_desktop.memory.transfer.claude import is_claude, read_claude
from openclaw_desktop.memory.transfer.conversations import conversations, unknown_form
from openclaw_desktop.memory.transfer.entries import Imported, SourceKind, unreadable
from openclaw_desktop.memory.transfer.files import is_folder, memory_files
from openclaw_desktop.memory.transfer.left_out import LeftOut
from openclaw_desktop.memory.transfer.whole import is_whole, read_whole
from openclaw_desktop.memory.transfer.workspace import is_workspace, not_read, read_workspace

__all__ = ["Imported", "LeftOut", "SourceKind", "detect", "not_read", "read"]


def detect(path: Path) -> SourceKind:
    """Return the form of what is at `path`: a folder, a .zip, or a file; raises UserError where it has none of them."""
    if is_workspace(path):
        return "openclaw"
    if not is_folder(path) and is_whole(path):
        return "jsonl"
    unknown = False
    for _, _, conversation in conversations(path):
        if is_chatgpt(conversation):
            return "chatgpt"
        if is_claude(conversation):
            return "claude"
        unknown = True
    if unknown:
        raise unknown_form(path)
    if any(memory_files(path)):
        return "claude"
    raise unreadable(tr("{file} holds no conversations.", file=visible(str(path))))


def read(path: Path, kind: SourceKind, left: LeftOut | None = None) -> Iterator[Imported]:
    """Yield what is at `path`, entry by entry; raises UserError. `left`: where it is counted what is not yielded.

    Of the "jsonl" of this program it gives what any form has; `whole.read_whole` gives all of it.
    """
    left = left or LeftOut()
    match kind:
        case "openclaw":
            return read_workspace(path, left=left)
        case "chatgpt":
            return read_chatgpt(path, left)
        case "claude":
            return read_claude(path, left)
        case "jsonl":
            return (memory.as_imported(path.name) for memory in read_whole(path))
