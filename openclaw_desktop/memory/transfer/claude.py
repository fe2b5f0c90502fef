"""Conversations as Claude exports them, and what it noted down of them.

Owns the form of its conversations: lists of messages, in newer ones with a parent each; and of its memories. Must not
know where the files lie. Any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from openclaw_desktop.core.text import visible, without_controls
from openclaw_desktop.memory.transfer.conversations import branch, shaped
from openclaw_desktop.memory.transfer.entries import Imported, moment, plain, short_id
from openclaw_desktop.memory.transfer.files import memory_files, other_files, told_as_damaged
from openclaw_desktop.memory.transfer.left_out import LeftOut
from openclaw_desktop.memory.transfer.markdown import notes_in

_SPEAKERS = {"human": "user", "assistant": "assistant"}
MEMORY_BYTES = 16 * 1024**2
# Its headings are paragraphs in bold.
_BOLD_LINE = re.compile(r"^\*\*([^*\n]+)\*\*$", re.MULTILINE)


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Message(msgspec.Struct):
    sender: str
    uuid: str | None = None
    text: str | None = None
    content: list[_Block] | str | None = None
    created_at: str | None = None
    parent_message_uuid: str | None = None
    attachments: Any = None


class _Conversation(msgspec.Struct):
    chat_messages: list[_Message]
    uuid: str | None = None
    created_at: str | None = None
    current_leaf_message_uuid: str | None = None


class _Memories(msgspec.Struct):
    conversations_memory: str | None = None
    project_memories: dict[str, str] | None = None


def is_claude(conversation: Any) -> bool:
    """Tell whether a conversation is of this form."""
    return isinstance(conversation, dict) and "chat_messages" in conversation


def read_claude(path: Path, left: LeftOut) -> Iterator[Imported]:
    """Yield what the user and the assistant said, conversation by conversation, then its memories; raises UserError.

    Of a message the words alone, without thoughts, calls of tools and files; of messages that were asked anew the
    last. The memories are the assistant's words, whoever they are about.
    """
    left.files += other_files(path)
    for name, number, conversation in shaped(path, _Conversation, left):
        conversation_id = short_id(conversation.uuid, str(number))
        shown = _shown(conversation)
        kept = {id(message) for message in shown}
        left.messages += sum(id(other) not in kept and bool(_words(other)) for other in conversation.chat_messages)
        for message in shown:
            left.attachments += _attachments(message)
            speaker = _SPEAKERS.get(message.sender)
            if speaker and (text := plain(_words(message))):
                created_at = moment(message.created_at) or moment(conversation.created_at)
                yield Imported(
                    text, speaker, created_at, f"claude:{conversation_id}", "turn",
                    f"{visible(name)}#{conversation_id}", speaker == "user",
                )  # fmt: skip
    yield from _memories(path, left)


def _memories(path: Path, left: LeftOut) -> Iterator[Imported]:
    """Yield the notes in Markdown that Claude's memory consists of; a file in another form is named as left out."""
    for name, file in memory_files(path):
        with told_as_damaged(visible(name)):
            raw = file.read(MEMORY_BYTES + 1)
        try:
            read = msgspec.json.decode(raw if len(raw) <= MEMORY_BYTES else b"", type=list[_Memories] | _Memories)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            left.files.append(name)
            continue
        for memories in read if isinstance(read, list) else [read]:
            for text in (memories.conversations_memory, *(memories.project_memories or {}).values()):
                for note in notes_in(_BOLD_LINE.sub(r"## \1", without_controls(text or "")), left):
                    words = plain(f"{' / '.join(note.headings)}: {note.text}" if note.headings else note.text)
                    yield Imported(words, "assistant", None, None, "fact", visible(name), by_user=False)


def _attachments(message: _Message) -> int:
    """Return how many files came with a message whose text the export holds."""
    found = message.attachments if isinstance(message.attachments, list) else ()
    return sum(isinstance(one, dict) and bool(one.get("extracted_content")) for one in found)


def _shown(conversation: _Conversation) -> list[_Message]:
    messages = {message.uuid: message for message in conversation.chat_messages if message.uuid}
    parents = {uuid: message.parent_message_uuid for uuid, message in messages.items()}
    given = [parent for parent in parents.values() if parent]
    end = conversation.current_leaf_message_uuid
    if end is None or end not in parents:
        if len(set(given)) == len(given):
            return conversation.chat_messages  # nothing was asked anew
        end = next(reversed(parents))
    return [messages[uuid] for uuid in branch(parents, end)]


def _words(message: _Message) -> str:
    if isinstance(message.content, str):
        return message.content
    words = [block.text for block in message.content or () if block.type == "text" and block.text]
    # Where a message has blocks, `text` holds marks in place of what is not text, too.
    return "\n\n".join(words) if words else message.text or ""
