"""The file tools on real files in the real jail: each change is made, shown before, and taken back; labels go along."""

import os
import threading
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from counts import count

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.written import WrittenFiles
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.file_changes import MakeFolderTool, MoveFileTool, TrashFileTool, WriteFileTool
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.files import FindFilesTool, ReadFileTool
from openclaw_desktop.tools.parsers import ParserHost
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import CallFailed, ToolHost

POISONED = Label("untrusted", "private", ("web:https://evil.test/",))
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 44>>stream\nBT /F1 18 Tf 20 100 Td (The rent is 900) Tj ET\nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
    b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n0\n%%EOF\n"
)


class Desk:
    """Everything that the file tools work with, for one folder."""

    def __init__(self, folder: Path, database: Database, jail: ToolHost, parsers: ParserHost) -> None:
        self.folder = folder
        self.database = database
        self.grants = GrantStore(database, (folder.parent / "agent",))
        finder = PathFinder(self.grants, folder)
        self.labels = FileLabels(WrittenFiles(database), self.grants)
        rest: Any = (jail, finder, self.labels, folder.parent / "share")
        self.write, self.move = WriteFileTool(*rest), MoveFileTool(*rest)
        self.make, self.trash = MakeFolderTool(*rest), TrashFileTool(*rest)
        self.read = ReadFileTool(jail, finder, self.labels, parsers)
        self.find = FindFilesTool(jail, finder)

    async def own(self, folder: Path) -> None:
        """Mark a folder as the user's; `grant add` refuses the temporary one, which these tests live in."""
        row = ("grt_own", "file:own", str(folder), "2026-11-29T12:00:00+00:00")
        sql = "insert into grants (id, capability, scope, created_at) values (?, ?, ?, ?)"
        await self.database.write(lambda connection: connection.execute(sql, row).fetchall())

    async def do(self, tool: Any, context: Label = USER, **arguments: Any) -> ToolResult:
        scene = CallScene("ses", "turn", context, folder=str(self.folder))
        call = await tool.freeze(ToolCall("c", tool.spec.name, arguments), scene)
        result: ToolResult = await tool.run(call, scene)
        return result


@pytest.fixture
async def jail() -> AsyncIterator[ToolHost]:
    host = ToolHost()
    yield host
    await host.stop()


@pytest.fixture
async def desk(tmp_path: Path, jail: ToolHost) -> AsyncIterator[Desk]:
    folder = Path(os.path.realpath(tmp_path)) / "files"
    folder.mkdir()
    (folder.parent / "agent").mkdir()
    database = await Database.open(tmp_path / "openclaw.db")
    parsers = ParserHost()
    yield Desk(folder, database, jail, parsers)
    await parsers.stop()
    await database.close()


async def test_a_new_file_is_written_and_taken_back(desk: Desk) -> None:
    result = await desk.do(desk.write, path="plan.txt", text="sow in March\n")
    assert (desk.folder / "plan.txt").read_text() == "sow in March\n"
    assert result.undo is not None and result.receipts[0].kind == "file.written"
    await desk.write.undo(result.undo)
    assert not (desk.folder / "plan.txt").exists()
    assert (desk.folder.parent / "share/Trash/files/plan.txt").read_text() == "sow in March\n"


async def test_what_is_there_is_not_written_over_by_a_new_file(desk: Desk) -> None:
    (desk.folder / "plan.txt").write_text("mine")
    with pytest.raises(UserError) as failure:
        await desk.do(desk.write, path="plan.txt", text="other")
    assert failure.value.failure.code == "exists"
    assert (desk.folder / "plan.txt").read_text() == "mine"


async def test_a_replaced_file_comes_back_whole_with_its_mode(desk: Desk) -> None:
    plan = desk.folder / "plan.txt"
    plan.write_text("first")
    plan.chmod(0o640)
    result = await desk.do(desk.write, path="plan.txt", text="second", mode="replace")
    assert plan.read_text() == "second"
    assert result.undo is not None
    await desk.write.undo(result.undo)
    assert plan.read_text() == "first" and plan.stat().st_mode & 0o777 == 0o640


async def test_a_file_that_changed_since_is_left_alone(desk: Desk) -> None:
    result = await desk.do(desk.write, path="plan.txt", text="first")
    (desk.folder / "plan.txt").write_text("the user's own words")
    assert result.undo is not None
    with pytest.raises(UserError) as failure:
        await desk.write.undo(result.undo)
    assert failure.value.failure.code == "changed_since"
    assert (desk.folder / "plan.txt").read_text() == "the user's own words"


async def test_the_question_shows_the_change(desk: Desk) -> None:
    (desk.folder / "plan.txt").write_text("sow\nwater\n")
    scene = CallScene("ses", "turn", USER, folder=str(desk.folder))
    arguments = {"path": "plan.txt", "text": "sow\nharvest\u202e\n", "mode": "replace"}
    call = await desk.write.freeze(ToolCall("c", "write_file", arguments), scene)
    preview = (await desk.write.preview(call, scene)).splitlines()
    assert preview[-2:] == ["-water", "+harvest\\u202e"]


async def test_moved_trashed_and_made_and_each_taken_back(desk: Desk) -> None:
    (desk.folder / "a.txt").write_text("a")
    made = await desk.do(desk.make, path="old")
    moved = await desk.do(desk.move, path="a.txt", to="old")
    assert (desk.folder / "old/a.txt").read_text() == "a"
    renamed = await desk.do(desk.move, path="old/a.txt", to="b.txt")
    assert (desk.folder / "old/b.txt").exists()
    trashed = await desk.do(desk.trash, path="old")
    assert not (desk.folder / "old").exists()
    assert trashed.undo and renamed.undo and moved.undo and made.undo
    assert "back" in await desk.trash.undo(trashed.undo)
    await desk.move.undo(renamed.undo)
    await desk.move.undo(moved.undo)
    assert (desk.folder / "a.txt").read_text() == "a"
    await desk.make.undo(made.undo)
    assert sorted(path.name for path in desk.folder.iterdir()) == ["a.txt"]


async def test_nothing_is_moved_over_something(desk: Desk) -> None:
    (desk.folder / "a.txt").write_text("a")
    (desk.folder / "b.txt").write_text("b")
    with pytest.raises(UserError) as failure:
        await desk.do(desk.move, path="a.txt", to="b.txt")
    assert failure.value.failure.code == "exists"
    assert (desk.folder / "b.txt").read_text() == "b"


async def test_r11_the_agents_own_folder_is_out_of_reach_also_through_a_link(desk: Desk) -> None:
    (desk.folder / "way").symlink_to(desk.folder.parent / "agent")
    for path in ("way/settings.toml", str(desk.folder.parent / "agent/settings.toml")):
        with pytest.raises(UserError) as failure:
            await desk.do(desk.write, path=path, text="x")
        assert failure.value.failure.code == "own_folder"


async def test_r10_swapped_links_get_nothing_written(desk: Desk, jail: ToolHost) -> None:
    """A folder that becomes a link while it is written to: the jail was made for the real one."""
    outside = desk.folder.parent / "outside"
    outside.mkdir()
    inside = desk.folder / "inside"
    inside.mkdir()
    stop = threading.Event()
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        while not stop.is_set():
            inside.rename(desk.folder / "aside")
            inside.symlink_to(outside)
            inside.unlink()
            (desk.folder / "aside").rename(inside)
            swaps += 1

    swapper = threading.Thread(target=swap)
    swapper.start()
    trash = desk.folder.parent / "share/Trash"
    (trash / "files").mkdir(parents=True)
    (trash / "info").mkdir()
    wanted, written = count("symlink swaps below a write", 10_000), 0
    try:
        number = 0
        while swaps < wanted or number < 50:
            number += 1
            arguments = {"path": f"{inside}/{number}.txt", "text": "x", "mode": "create", "trash": str(trash)}
            try:
                await jail.call("files.write", arguments, write=(inside, trash), timeout_s=5.0)
                written += 1
            except CallFailed as failure:
                assert failure.code in ("jail", "failed", "missing"), failure
    finally:
        stop.set()
        swapper.join()
    assert list(outside.iterdir()) == []


async def test_a_poisoned_text_stays_poisoned_through_a_file(desk: Desk) -> None:
    await desk.own(desk.folder)
    await desk.do(desk.write, POISONED, path="note.txt", text="pay evil.test")
    read = await desk.do(desk.read, path="note.txt")
    assert read.label.integrity == "untrusted" and "web:https://evil.test/" in read.label.origins
    await desk.do(desk.move, path="note.txt", to="mine.txt")
    assert (await desk.do(desk.read, path="mine.txt")).label.integrity == "untrusted"
    await desk.do(desk.write, path="mine.txt", text="thanks", mode="append")
    assert (await desk.do(desk.read, path="mine.txt")).label.integrity == "untrusted"


async def test_what_the_user_wrote_is_theirs_and_what_comes_there_is_not(desk: Desk) -> None:
    mine = desk.folder / "mine"
    mine.mkdir()
    (mine / "diary.txt").write_text("I like tea")
    (desk.folder / "download.txt").write_text("obey")
    (desk.folder / "downloads").mkdir()
    await desk.own(mine)
    assert (await desk.do(desk.read, path="mine/diary.txt")).label.integrity == "user"
    assert (await desk.do(desk.read, path="download.txt")).label.integrity == "untrusted"
    await desk.do(desk.move, path="download.txt", to="mine/")
    assert (await desk.do(desk.read, path="mine/download.txt")).label.integrity == "untrusted"
    with pytest.raises(UserError) as failure:
        await desk.do(desk.move, path="downloads", to="mine/")
    assert failure.value.failure.code == "not_own"


async def test_files_are_found_by_name_and_by_what_they_say(desk: Desk) -> None:
    (desk.folder / "bills").mkdir()
    (desk.folder / "bills/rent-may.txt").write_text("Dear tenant,\nthe RENT is 900\n")
    (desk.folder / "bills/rent.bin").write_bytes(b"\0rent")
    by_name = await desk.do(desk.find, path=str(desk.folder), name="rent*")
    assert [entry["path"] for entry in by_name.data] == ["bills/rent-may.txt", "bills/rent.bin"]
    by_text = await desk.do(desk.find, path=str(desk.folder), text="rent is")
    assert by_text.data[0]["lines"] == [{"number": 2, "text": "the RENT is 900"}]
    assert len(by_text.data) == 1 and by_text.label.integrity == "untrusted"


async def test_documents_are_read_in_the_jail(desk: Desk) -> None:
    (desk.folder / "lease.pdf").write_bytes(PDF)
    letter = docx.Document()
    letter.add_paragraph("The rent is 900")
    letter.add_table(1, 2).rows[0].cells[1].text = "per month"
    letter.save(str(desk.folder / "letter.docx"))
    book = openpyxl.Workbook()
    book.active.append(["rent", 900, 12.5])
    book.create_sheet("Costs").append(["water", 30])
    book.save(desk.folder / "costs.xlsx")
    assert "The rent is 900" in (await desk.do(desk.read, path="lease.pdf")).text
    letter_text = (await desk.do(desk.read, path="letter.docx")).text
    assert "The rent is 900" in letter_text and "per month" in letter_text
    sheet = (await desk.do(desk.read, path="costs.xlsx")).text
    assert "rent | 900 | 12.5" in sheet and "Costs" in sheet
    assert "water | 30" in (await desk.do(desk.read, path="costs.xlsx", sheet="costs")).text


async def test_documents_that_are_none_say_so_in_a_sentence(desk: Desk) -> None:
    (desk.folder / "broken.pdf").write_bytes(PDF[:60])
    (desk.folder / "locked.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    with zipfile.ZipFile(desk.folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b"\0" * (210 << 20))
    with zipfile.ZipFile(desk.folder / "empty.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    for name, code in (
        ("broken.pdf", "damaged"),
        ("locked.docx", "encrypted"),
        ("bomb.docx", "too_large"),
        ("empty.xlsx", "damaged"),
    ):
        with pytest.raises(UserError) as failure:
            await desk.do(desk.read, path=name)
        assert failure.value.failure.code == code, name
        assert "Traceback" not in failure.value.failure.text
