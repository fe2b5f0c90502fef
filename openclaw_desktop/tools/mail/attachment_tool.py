"""The tool that saves what came with a mail as a new file of the user's.

Owns its schema and which name the file gets. It obeys the rules of writing files: granted folders, nothing replaced, a
label that says where it came from, and `undo`. Must not fetch, unpack or write itself. Loop.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult, Undoes
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.accounts import AccountBook
from openclaw_desktop.tools.file_changes import JailedChanges
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.mail import mail_problems as problems
from openclaw_desktop.tools.mail.letters import Head, parse_id, shown_size, size_of
from openclaw_desktop.tools.mail.mailbox import ATTACHMENT_BYTES, Mailbox
from openclaw_desktop.tools.mail.reading_tools import CAPABILITY, MAIL_ID, TIMEOUT_S
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import CallFailed

WRITE_S = 30.0
NAME_CHARS = 100
_ODD = re.compile(r"[^\w .()+,@=-]")


class SaveAttachmentTool:
    """Saves an attachment."""

    spec = ToolSpec(
        "save_attachment",
        "save a file that came with a mail as a new file of the user",
        {
            "type": "object",
            "properties": {
                "mail": MAIL_ID,
                "number": {"type": "integer", "minimum": 1, "maximum": 20, "description": "which of its attachments"},
                "path": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "file or folder"},
            },
            "required": ["mail"],
            "additionalProperties": False,
        },
        "local-reversible",
        CAPABILITY,
        ("accounts", "path"),
        timeout_s=TIMEOUT_S + WRITE_S,
        undoable=True,
    )

    def __init__(
        self,
        mailbox: Mailbox,
        book: AccountBook,
        jail: JailedChanges,
        finder: PathFinder,
        labels: FileLabels,
        files: Undoes,
        home: Path,
    ) -> None:
        """`files`: the tool that writes files, which takes back what was written in its way. `home`: the user's."""
        self._home = home
        self._mailbox = mailbox
        self._book = book
        self._jail = jail
        self._finder = finder
        self._labels = labels
        self._files = files

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the account and the canonical path of the new file."""
        mail_id = parse_id(call.arguments["mail"])
        account = self._book.find("mail", mail_id.account)
        number = int(call.arguments.get("number", 1))
        part = _chosen(await self._mailbox.head(account, mail_id), number)
        name = file_name(part.name, number)
        given = str(call.arguments.get("path") or self._home / "Downloads")
        path = await self._finder.find_new(given.rstrip("/") or "/", scene)
        if "path" not in call.arguments and not await asyncio.to_thread(path.is_dir):
            path = self._home
        if await asyncio.to_thread(path.is_dir):
            path = await self._finder.find_new(str(path / name), scene)
        frozen = {"accounts": [account.name], "mail": str(mail_id), "number": number, "path": str(path)}
        return ToolCall(call.id, call.name, frozen)

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return what is saved, and whose mail it came with."""
        mail_id = parse_id(call.arguments["mail"])
        head = await self._mailbox.head(self._book.find("mail", mail_id.account), mail_id)
        part = _chosen(head, call.arguments["number"])
        return "\n".join((
            f"{visible(part.name) or visible(part.type)} ({visible(part.type)}, {shown_size(size_of(part))})",
            tr("From: {sender}", sender=head.shown_sender()),
            tr("Subject: {subject}", subject=visible(head.subject)),
        ))  # fmt: skip

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Fetch and write it; its text counts as its sender's, wherever it lies."""
        mail_id, path = parse_id(call.arguments["mail"]), Path(call.arguments["path"])
        account = self._book.find("mail", mail_id.account)
        head = await self._mailbox.head(account, mail_id)
        part = _chosen(head, call.arguments["number"])
        if size_of(part) > ATTACHMENT_BYTES:
            raise problems.too_large(ATTACHMENT_BYTES)
        data = await self._mailbox.part(account, mail_id, part)
        packed = {"data": base64.b64encode(data).decode(), "encoding": part.encoding}
        try:
            # In a folder whose texts count as the user's, its label is there before it is: nothing may come between.
            if await self._labels.is_own(path):
                known = await self._jail.call("mail.hash_part", packed, timeout_s=WRITE_S)
                await self._labels.foretell(path, known["sha256"], head.label)
            arguments = {"path": str(path), **packed}
            found = await self._jail.call("mail.save_part", arguments, write=(path.parent,), timeout_s=WRITE_S)
        except CallFailed as failure:
            raise UserError(failure.code, _explain(failure, path)) from failure
        await self._labels.note(path, found["sha256"], head.label)
        receipt = Receipt("file.written", tr("saved {name}", name=visible(path.name)), call.id, str(path))
        size = shown_size(int(found["size_bytes"]))
        text = tr("Saved: {path} ({size})", path=visible(str(path)), size=size)
        undo = {"path": str(path), "sha256": found["sha256"], "before": None}
        # Its name may be its sender's word.
        return ToolResult(text, head.label, (receipt,), {"path": str(path), **found}, undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put the file into the trash; raises UserError where it has changed since."""
        return await self._files.undo(token)


def file_name(name: str, number: int) -> str:
    """Return a name for a file that is one, whatever its sender called it: no path, not hidden, of usual letters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = _ODD.sub("_", last).strip(" .")[-NAME_CHARS:].lstrip(" .")
    return plain or f"attachment-{number}"


def _chosen(head: Head, number: int) -> Any:
    if not 1 <= number <= len(head.attachments):
        raise UserError(
            "no_such_attachment",
            tr("That mail has {count} attachments.", count=len(head.attachments)),
            tr("Give the number of one of them.") if head.attachments else "",
        )
    return head.attachments[number - 1]


def _explain(failure: CallFailed, path: Path) -> str:
    name = visible(path.name)
    match failure.code:
        case "exists":
            return tr("There is something of that name already, so nothing was saved ({name}).", name=name)
        case "broken":
            return tr("The attachment is damaged, so nothing was saved.")
        case "timeout":
            return tr("Saving {name} took too long and was stopped.", name=name)
        case _:
            return tr("{name} could not be saved: {reason}.", name=name, reason=str(failure).rstrip("."))
