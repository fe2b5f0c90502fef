"""Small exports as other programs write them, made up for these tests."""

import json
import zipfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def node(parent: str | None, role: str | None, *parts: Any, **message: Any) -> Json:
    if role is None:
        return {"id": "x", "message": None, "parent": parent, "children": []}
    content = {"content_type": message.pop("content_type", "text"), "parts": list(parts)}
    return {"parent": parent, "children": [], "message": {"author": {"role": role}, "content": content, **message}}


def chatgpt_chat(**fields: Any) -> Json:
    """A chat whose first answer was asked anew: of the two, `b2` was shown last."""
    chat: Json = {
        "title": "Boats", "create_time": 1_700_000_000.5, "conversation_id": "c-1", "current_node": "d",
        "mapping": {
            "root": node(None, None),
            "sys": node("root", "system", "be kind"),
            "a": node("sys", "user", "I keep a boat in Faro.", create_time=1_700_000_001.25),
            "b1": node("a", "assistant", "An answer thrown away."),
            "b2": node("a", "assistant", "A fine harbour.", create_time=1_700_000_002, recipient="all"),
            "call": node("b2", "assistant", "search('boats')", recipient="browser"),
            "tool": node("call", "tool", "<html>"),
            "thought": node("tool", "assistant", "hmm", content_type="thoughts"),
            "hid": node("thought", "user", "unseen", metadata={"is_visually_hidden_from_conversation": True}),
            "empty": node("hid", "assistant", ""),
            "d": node(
                "empty", "user", "Look at this:", {"content_type": "image_asset_pointer", "asset_pointer": "file-1"},
                {"content_type": "audio_transcription", "text": "the hull is blue"}, content_type="multimodal_text",
            ),
        },
    }  # fmt: skip
    return chat | fields


def claude_message(uuid: str, sender: str, *texts: str, **fields: Any) -> Json:
    blocks = [{"type": "thinking", "thinking": "hm"}, *({"type": "text", "text": text} for text in texts)]
    return {
        "uuid": uuid, "sender": sender, "text": "old text", "content": blocks, "created_at": "2025-03-01T10:00:00Z",
        "attachments": [{"extracted_content": "a whole file"}],
    } | fields  # fmt: skip


def claude_chat(*messages: Json, **fields: Any) -> Json:
    return {
        "uuid": "u-1", "name": "Tea", "created_at": "2025-03-01T09:59:00.5Z", "chat_messages": list(messages),
        "account": {"uuid": "me"},
    } | fields  # fmt: skip


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_zip(path: Path, files: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, (str, bytes)) else json.dumps(content))
    return path
