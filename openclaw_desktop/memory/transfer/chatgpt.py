"""Conversations as ChatGPT exports them.

Owns the form of its conversations: trees of messages, of which one branch was shown last. Must not know where the file
lies. Any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from openclaw_desktop.core.text import visible
from openclaw_desktop.memory.transfer.conversations import branch, longest_end, shaped
from openclaw_desktop.memory.transfer.entries import Imported, moment, plain, short_id
from openclaw_desktop.memory.transfer.left_out import LeftOut

_SPEAKERS = ("user", "assistant")
_TEXTS = ("text", "multimodal_text")


class _Author(msgspec.Struct):
    role: str


class _Content(msgspec.Struct):
    content_type: str = ""
    parts: list[Any] | None = None


class _Message(msgspec.Struct):
    author: _Author
    content: _Content | None = None
    create_time: Any = None
    recipient: Any = None
    metadata: Any = None


class _Node(msgspec.Struct):
    message: _Message | None = None
    parent: str | None = None


class _Conversation(msgspec.Struct):
    mapping: dict[str, _Node]
    conversation_id: str | None = None
    id: str | None = None
    current_node: str | None = None
    create_time: Any = None


def is_chatgpt(conversation: Any) -> bool:
    """Tell whether a conversation is of this form."""
    return isinstance(conversation, dict) and "mapping" in conversation


def read_chatgpt(path: Path, left: LeftOut) -> Iterator[Imported]:
    """Yield what the user and the assistant said, conversation by conversation; raises UserError.

    Only the branch that was shown last counts, the longest where the file doesn't say; of a message the words alone,
    without images, thoughts and calls of tools.
    """
    for name, number, conversation in shaped(path, _Conversation, left):
        conversation_id = short_id(conversation.conversation_id or conversation.id, str(number))
        shown = dict.fromkeys(_shown(conversation))
        left.messages += sum(
            node_id not in shown and bool(_words(node.message)) for node_id, node in conversation.mapping.items()
        )
        for node_id in shown:
            message = conversation.mapping[node_id].message
            if message is not None and (text := plain(_words(message))):
                created_at = moment(message.create_time) or moment(conversation.create_time)
                role = message.author.role
                yield Imported(
                    text, role, created_at, f"chatgpt:{conversation_id}", "turn", f"{visible(name)}#{conversation_id}",
                    role == "user",
                )  # fmt: skip


def _shown(conversation: _Conversation) -> list[str]:
    parents = {node_id: node.parent for node_id, node in conversation.mapping.items()}
    end = conversation.current_node
    if end is None or end not in parents:
        end = longest_end(parents)
    return branch(parents, end) if end is not None else []


def _hidden(message: _Message) -> bool:
    # What is said to a tool is a call of it.
    if message.recipient not in (None, "all"):
        return True
    return isinstance(message.metadata, dict) and bool(message.metadata.get("is_visually_hidden_from_conversation"))


def _words(message: _Message | None) -> str:
    if message is None or message.author.role not in _SPEAKERS or _hidden(message):
        return ""
    content = message.content
    if content is None or content.content_type not in _TEXTS:
        return ""
    words = []
    for part in content.parts or ():
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, dict) and part.get("content_type") == "audio_transcription":
            # What was spoken instead of typed.
            words.append(str(part.get("text") or ""))
    return "\n\n".join(word for word in words if word.strip())
