"""What an import can't read, or does not: it is counted and said, and what can be read comes all the same."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory.transfer import claude, importing
from openclaw_desktop.memory.transfer.left_out import LeftOut
from openclaw_desktop.memory.transfer.reading import Imported, detect, read
from openclaw_desktop.storage.database import Database

from exports import chatgpt_chat, claude_chat, claude_message, node, write_json, write_zip  # isort: skip

MANIFEST = {
    "created_at": "2026-09-08T00:00:00Z", "version": "1.0", "total_files": 1,
    "data_files": [{"filename": "conversations-000.zip", "category": "conversations", "export_url": "https://x.y/z"}],
}  # fmt: skip
LINKS = "holds links to the parts of an export, and not the export itself."


def taken(path: Path) -> tuple[list[Imported], LeftOut]:
    left = LeftOut()
    return list(read(path, detect(path), left)), left


def told(path: Path) -> str:
    return taken(path)[1].sentence()


def refusal(path: Path) -> UserError:
    with pytest.raises(UserError) as refused:
        list(read(path, detect(path)))
    return refused.value


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (chatgpt_chat(), [{"mapping": None}, None, {"mapping": {"a": {"message": {}}}}, {}]),
        (claude_chat(claude_message("a", "human", "hi")), [{"chat_messages": 1}, "words", {"chat_messages": [{}]}, 7]),
    ],
)
def test_conversations_that_are_not_understood_are_skipped_and_counted(tmp_path: Path, good: Any, bad: Any) -> None:
    wanted, nothing = taken(write_json(tmp_path / "conversations.json", [good]))
    assert wanted and not nothing.conversations
    for mixed in ([good, *bad], [*reversed(bad), good]):
        read_in, left = taken(write_json(tmp_path / "conversations.json", mixed))
        assert read_in == wanted and left.conversations == 4
        assert "4 conversations that are not understood" in left.sentence()
    assert "1 conversation that is not understood" in told(write_json(tmp_path / "conversations.json", [good, bad[0]]))
    failure = refusal(write_json(tmp_path / "conversations.json", bad)).failure
    assert failure.sentence.endswith("holds no conversations of a form that is known.")
    assert "expected" not in f"{failure}".lower()


def test_what_is_on_other_branches_is_counted(tmp_path: Path) -> None:
    assert told(write_json(tmp_path / "x.json", [chatgpt_chat()])) == "1 message on another branch is left out."
    mapping = {"a": node(None, "user", "x"), "b": node("a", "assistant", "y"), "c": node("a", "assistant", "z")}
    straight = chatgpt_chat(mapping={"a": mapping["a"], "c": mapping["c"]}, current_node="c")
    assert told(write_json(tmp_path / "x.json", [straight])) == ""
    chats = [chatgpt_chat(mapping=mapping, current_node="c")] * 2
    assert told(write_json(tmp_path / "x.json", chats)) == "2 messages on other branches are left out."
    messages = [claude_message(id_, "human", id_, parent_message_uuid="0", attachments=[]) for id_ in "abc"]
    chat = claude_chat(*messages, claude_message("d", "assistant", "d", parent_message_uuid="c", attachments=None))
    assert told(write_json(tmp_path / "x.json", [chat])) == "2 messages on other branches are left out."


def test_of_a_claude_export_attachments_and_projects_are_named(tmp_path: Path) -> None:
    chat = claude_chat(claude_message("a", "human", "hi"), claude_message("b", "assistant", "ho"))
    path = write_zip(tmp_path / "x.zip", {"d/conversations.json": [chat], "d/projects.json": [], "d/users.json": []})
    assert told(path) == "2 attachments and projects.json are left out."
    odd = [1, {"file_name": "x"}, {"extracted_content": ""}]
    chat = claude_chat(claude_message("a", "human", "hi", attachments=odd))
    write_json(tmp_path / "folder/conversations.json", [chat])
    for name in ("a", "b"):
        write_json(tmp_path / f"folder/projects/{name}.json", {})
    assert told(tmp_path / "folder") == "projects/ is left out."


def test_code_in_notes_is_counted(tmp_path: Path) -> None:
    (tmp_path / "MEMORY.md").write_text("- tea\n```\nx = 1\n```\n- boats\n", encoding="utf-8")
    entries, left = taken(tmp_path)
    assert [entry.text for entry in entries] == ["tea", "boats"]
    assert left.sentence() == "1 code block is left out."
    (tmp_path / "USER.md").write_text("~~~\nnever closed\n", encoding="utf-8")
    assert told(tmp_path) == "2 code blocks are left out."


MEMORY = "**Work context**\n\nKim builds boats.\n\n- and sails\n```\nno\n```\n"


@pytest.mark.parametrize(
    "files",
    [
        {"memories.json": [{"conversations_memory": MEMORY, "project_memories": {"p": "Plans\r\na trip."}}]},
        {"memories/me.json": {"conversations_memory": MEMORY, "project_memories": {"p": "Plans\r\na trip."}}},
        {"memories.json": [{"conversations_memory": MEMORY}, {"project_memories": {"p": "Plans\na trip."}}],
         "conversations.json": []},
    ],
)  # fmt: skip
def test_what_claude_remembers_comes_as_facts_that_are_nobody_s_word(tmp_path: Path, files: dict[str, Any]) -> None:
    name = next(iter(files))
    path = write_zip(tmp_path / "memories-000.zip", files)
    entries, left = taken(path)
    wanted = ["Work context: Kim builds boats.", "Work context: and sails", "Plans\na trip."]
    assert entries == [Imported(text, "assistant", None, None, "fact", name, by_user=False) for text in wanted]
    assert left.sentence() == "1 code block is left out."
    for inner, content in files.items():
        write_json(tmp_path / "folder" / inner, content)
    assert taken(tmp_path / "folder")[0] == entries


def test_a_single_file_of_memories_is_known_by_its_name(tmp_path: Path) -> None:
    path = write_json(tmp_path / "memories.json", [{"conversations_memory": "Kim builds boats."}])
    assert [entry.text for entry in taken(path)[0]] == ["Kim builds boats."]


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"conversations_memory": 1}', b"[" * 100_000, b" " * 200])
def test_memories_in_another_form_are_named_and_the_rest_comes(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude, "MEMORY_BYTES", 150_000 if content[:1] == b"[" else 100)
    files = {"conversations.json": [claude_chat(claude_message("a", "human", "hi", attachments=[]))]}
    entries, left = taken(write_zip(tmp_path / "x.zip", files | {"memories.json": content}))
    assert [entry.text for entry in entries] == ["hi"]
    assert left.sentence() == "memories.json is left out."


async def test_what_claude_remembers_is_never_trusted_and_the_preview_tells_what_is_left_out(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    database = await Database.open(tmp_path / "m.db")
    try:
        files = {
            "conversations.json": [claude_chat(claude_message("a", "human", "I drink tea.")), {"chat_messages": None}],
            "memories.json": [{"conversations_memory": "Kim builds boats."}],
        }
        path = write_zip(tmp_path / "x.zip", files)
        seen = await importing.preview(database, path, "auto", True, now)
        assert seen.notes[0] == "1 conversation that is not understood and 1 attachment are left out."
        await importing.run(database, path, "auto", True, now)
        rows = await database.rows("select text, kind, speaker, integrity from memories order by rowid")
        assert rows == [
            ("I drink tea.", "turn", "user", "user"), ("Kim builds boats.", "fact", "assistant", "untrusted")
        ]  # fmt: skip
    finally:
        await database.close()


@pytest.mark.parametrize("name", ["manifest-1f2e-2026-09-08.json", "renamed.json"])
def test_a_list_of_links_is_told_from_the_export_itself(tmp_path: Path, name: str) -> None:
    refused = refusal(write_json(tmp_path / name, MANIFEST)).failure
    assert refused.sentence == f"{name} {LINKS}"
    assert "conversations-000.zip" in refused.advice


def test_links_in_any_form_are_known_by_the_file_s_name(tmp_path: Path) -> None:
    path = write_json(tmp_path / "manifest-1f2e.json", ["https://x.y/conversations-000.zip"])
    assert refusal(path).failure.sentence == f"manifest-1f2e.json {LINKS}"


def test_a_sentence_names_all_that_is_left_out() -> None:
    assert LeftOut().sentence() == ""
    left = LeftOut(1, 1_200, 3, 2, ["projects.json", "a\nb.json"])
    assert left.sentence() == (
        "1 conversation that is not understood, 1,200 messages on other branches, 2 code blocks, 3 attachments, "
        "projects.json and a\\u000ab.json are left out."
    )
