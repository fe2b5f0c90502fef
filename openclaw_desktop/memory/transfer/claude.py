"""Conversations as Claude exports them.

Owns the form of its conversations: lists of messages, in newer ones with a parent each. Must not know where the file
lies. Any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from openclaw_desktop.core.text import visible
from openclaw_desktop.memory.transfer.conversations import Json, branch, conversations, shaped
from openclaw_desktop.memory.transfer.entries import Imported, moment, plain, short_id

_SPEAKERS = {"human": "user", "assistant": "assistant"}


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


class _Conversation(msgspec.Struct):
    chat_messages: list[_Message]
    uuid: str | None = None
    created_at: str | None = None
    current_leaf_message_uuid: str | None = None


def is_claude(conversation: Json) -> bool:
    """Tell whether a conversation is of this form."""
    return "chat_messages" in conversation


def read_claude(path: Path) -> Iterator[Imported]:
    """Yield what the user and the assistant said, conversation by conversation; raises UserError.

    Of a message the words alone, without thoughts, calls of tools and files; of messages that were asked anew the
    last.
    """
    for name, number, raw in conversations(path):
        conversation = shaped(raw, _Conversation, name, number)
        conversation_id = short_id(conversation.uuid, str(number))
        for message in _shown(conversation):
            speaker = _SPEAKERS.get(message.sender)
            if speaker and (text := plain(_words(message))):
                created_at = moment(message.created_at) or moment(conversation.created_at)
                yield Imported(
                    text, speaker, created_at, f"claude:{conversation_id}", "turn",
                    f"{visible(name)}#{conversation_id}", speaker == "user",
                )  # fmt: skip


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
