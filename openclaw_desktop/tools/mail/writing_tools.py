"""The tools that write mail: keep a draft, send one.

Owns their schemas, previews and receipts. A draft stays in the user's own mailbox and can be taken back; what is sent
is asked about with its recipients, its subject and its files. Must not connect or parse itself. Loop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.accounts import Account, AccountBook
from openclaw_desktop.tools.mail import mail_problems as problems
from openclaw_desktop.tools.mail import smtp
from openclaw_desktop.tools.mail.addresses import clean_addresses
from openclaw_desktop.tools.mail.imap import Imap, Text, open_imap
from openclaw_desktop.tools.mail.letters import Head, answerable, parse_id, shown_size
from openclaw_desktop.tools.mail.mailbox import Mailbox
from openclaw_desktop.tools.mail.posts import SUBJECT_CHARS, Attached, Post, Written, answer_subject, clean_subject
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import CallFailed

TIMEOUT_S = 90.0
TEXT_CHARS = 50_000
FILES = 10
FILES_BYTES = 20_000_000
RECIPIENTS = 50
READ_S = 15.0
# Sending has a limit of its own; a copy that is slow to keep must not make what was sent look as if it was stopped.
KEEP_S = 25.0
DRAFTS = "Drafts"

_ADDRESSES = {"type": "string", "minLength": 1, "maxLength": 4000, "description": "addresses, with commas between"}
_FIELDS: Mapping[str, Any] = {
    "to": _ADDRESSES,
    "cc": _ADDRESSES,
    "bcc": _ADDRESSES,
    "subject": {"type": "string", "maxLength": SUBJECT_CHARS},
    "text": {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS},
    "reply_to": {"type": "string", "minLength": 1, "maxLength": 400, "description": "id of the mail that it answers"},
    "account": {"type": "string", "maxLength": 100, "description": "which of the user's accounts; leave it out"},
}
_PATHS = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 1000}, "maxItems": FILES}


class JailedReads(Protocol):
    """Runs a function in the jailed worker that may read `read` and nothing else."""

    async def call(self, function: str, arguments: Mapping[str, Any], *, read: Sequence[Path], timeout_s: float) -> Any:
        """Return the function's JSON result; raises CallFailed."""
        ...


class _Writing:
    """What these tools share: a call becomes a mail."""

    def __init__(self, mailbox: Mailbox, book: AccountBook) -> None:
        self._mailbox = mailbox
        self._book = book

    async def _frozen(self, call: ToolCall, *, needs_recipient: bool) -> dict[str, Any]:
        """Return the arguments with account, recipients and subject as they will be."""
        asked = {name: value for name, value in call.arguments.items() if value not in ("", [])}
        head = None
        if "reply_to" in asked:
            mail_id = parse_id(asked["reply_to"])
            account = self._book.find("mail", mail_id.account)
            head = await self._mailbox.head(account, mail_id)
            asked["reply_to"] = str(mail_id)
        account = self._book.find("mail", str(asked.get("account") or (head.id.account if head else "")))
        found: dict[str, Any] = {"account": account.name}
        for name in ("to", "cc", "bcc"):
            if name in asked:
                found[name] = clean_addresses(
                    [one for one in str(asked[name]).replace(";", ",").split(",") if one.strip()]
                )
        if head is not None and not found.get("to"):
            found["to"] = [answerable(head)]
        count = sum(len(found.get(name, ())) for name in ("to", "cc", "bcc"))
        if needs_recipient and not count:
            raise UserError("no_recipient", tr("Nobody was named to send it to."), tr("Give an address."))
        if count > RECIPIENTS:
            raise UserError(
                "many_recipients", tr("It would go to more than {count} addresses.", count=RECIPIENTS),
                tr("Send it from your mail program."), ExitCode.USAGE,
            )  # fmt: skip
        subject = clean_subject(str(asked.get("subject", "")))
        found["subject"] = subject or (clean_subject(answer_subject(head.subject)) if head else "")
        found["text"] = without_controls(str(asked["text"]))
        if "reply_to" in asked:
            found["reply_to"] = asked["reply_to"]
        return found

    async def _post(self, frozen: Mapping[str, Any], attached: Sequence[Attached] = ()) -> tuple[Account, Post]:
        account = self._book.find("mail", frozen["account"])
        return account, Post(
            account.address, frozen.get("to", ()), frozen.get("cc", ()), frozen.get("bcc", ()), frozen["subject"],
            frozen["text"], attached, await self._answered(frozen),
        )  # fmt: skip

    async def _answered(self, frozen: Mapping[str, Any]) -> Head | None:
        if "reply_to" not in frozen:
            return None
        mail_id = parse_id(frozen["reply_to"])
        return await self._mailbox.head(self._book.find("mail", mail_id.account), mail_id)

    def _write(self, post: Post) -> Written:
        from openclaw_desktop.tools.mail.composing import write

        try:
            return write(post, self._mailbox.clock.now())
        except ValueError:
            raise UserError(
                "mail_not_written", tr("No mail can be made of that."), tr("Say it without odd letters.")
            ) from None

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return the mail as it will be."""
        frozen = call.arguments
        account = self._book.find("mail", frozen["account"])
        lines = [tr("From: {sender}", sender=account.address)]
        for name, word in (("to", tr("To: ")), ("cc", tr("Cc: ")), ("bcc", tr("Bcc: "))):
            if frozen.get(name):
                lines.append(word + ", ".join(frozen[name]))
        lines.append(tr("Subject: {subject}", subject=visible(frozen["subject"])))
        lines += [tr("File: {path}", path=visible(path)) for path in frozen.get("attachments", ())]
        head = await self._answered(frozen)
        if head is not None and head.reply_to and head.reply_to != head.sender:
            lines.append(tr("[The mail came from {sender} and asks for answers to another address.]",
                            sender=visible(head.sender)))  # fmt: skip
        return "\n".join([*lines, "", frozen["text"]])


class DraftMailTool(_Writing):
    """Keeps a draft."""

    spec = ToolSpec(
        "draft_mail",
        "write a mail or an answer and keep it among the user's drafts, without sending it",
        {"type": "object", "properties": dict(_FIELDS), "required": ["text"], "additionalProperties": False},
        "local-reversible",
        "mail:write",
        ("account",),
        timeout_s=TIMEOUT_S,
        undoable=True,
    )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with account, recipients and subject as they will be."""
        return ToolCall(call.id, call.name, await self._frozen(call, needs_recipient=False))

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Put it into the folder of drafts; `undo` takes it out again."""
        account, post = await self._post(call.arguments)
        written = self._write(post)
        async with open_imap(self._mailbox.dial, account) as imap:
            folder = await imap.special("drafts")
            if folder is None:
                folder = DRAFTS
                await imap.create(folder)
            await imap.append(folder, written.kept, rb"(\Draft \Seen)")
        label = _label(scene, post)
        receipt = Receipt("mail.drafted", tr("kept a draft"), call.id, written.message_id)
        text = tr("The draft lies in {folder} of {name}; it was not sent.", folder=visible(folder), name=account.name)
        undo = {"account": account.name, "folder": folder, "message_id": written.message_id}
        return ToolResult(text, label, (receipt,), {"folder": folder, **undo}, undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Take the draft out of the mailbox; raises UserError where it is gone."""
        account = self._book.find("mail", str(token["account"]))
        async with open_imap(self._mailbox.dial, account) as imap:
            await imap.open(str(token["folder"]), write=True)
            uids = await imap.search(b"HEADER Message-ID", Text(str(token["message_id"]).encode()))
            if not uids:
                raise UserError("draft_gone", tr("The draft is not there any more."), tr("Perhaps it was sent."))
            await imap.discard(uids)
        return tr("The draft is gone again.")


class SendMailTool(_Writing):
    """Sends a mail."""

    spec = ToolSpec(
        "send_mail",
        "send a mail or an answer from the user's account",
        {
            "type": "object",
            "properties": {**_FIELDS, "attachments": {**_PATHS, "description": "paths of files that go along"}},
            "required": ["text"],
            "additionalProperties": False,
        },
        "outbound",
        "mail:send",
        ("account", "to", "cc", "bcc", "subject", "attachments"),
        timeout_s=TIMEOUT_S,
    )

    def __init__(self, mailbox: Mailbox, book: AccountBook, jail: JailedReads, finder: PathFinder) -> None:
        super().__init__(mailbox, book)
        self._jail = jail
        self._finder = finder

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with all that it sends: addresses, subject, and each file by its path and hash."""
        found = await self._frozen(call, needs_recipient=True)
        if self._book.find("mail", found["account"]).smtp is None:
            raise problems.no_sending(self._book.find("mail", found["account"]))
        paths = [await self._finder.find(path, scene) for path in call.arguments.get("attachments", ())]
        if paths:
            found["attachments"] = [str(path) for path in paths]
            found["sha256"] = [await self._hash(path) for path in paths]
        return ToolCall(call.id, call.name, found)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Send it, and keep a copy where the user's sent mails are."""
        frozen = call.arguments
        attached = await self._attached(frozen)
        account, post = await self._post(frozen, attached)
        written = self._write(post)
        label = _label(scene, post)
        try:
            await smtp.send(self._mailbox.dial, account, post.recipients, written.sent)
        except UserError as error:
            # It may name an address that the mail asked for answers to.
            return ToolResult("", label, error=error.failure.text)
        kept = await self._keep(account, written)
        names = ", ".join(post.recipients)
        receipt = Receipt("mail.sent", tr("sent a mail to {names}", names=names), call.id, written.message_id)
        text = tr("Sent to {names}.", names=names) + ("" if kept else " " + tr("No copy of it was kept."))
        data = {"to": list(post.recipients), "message_id": written.message_id, "copy_kept": kept}
        return ToolResult(text, label, (receipt,), data)

    async def _keep(self, account: Account, written: Written) -> bool:
        """Put a copy among the sent mails; what was sent stays sent where that fails, or takes too long."""
        try:
            async with asyncio.timeout(KEEP_S), open_imap(self._mailbox.dial, account) as imap:
                return imap.keeps_sent_mail or await _file_away(imap, written)
        except (UserError, TimeoutError):
            return False

    async def _hash(self, path: Path) -> str:
        try:
            found = await self._jail.call("files.hash", {"path": str(path)}, read=(path,), timeout_s=READ_S)
        except CallFailed as failure:
            raise _not_attached(path, failure) from failure
        if not found["sha256"]:
            raise _too_large()
        return str(found["sha256"])

    async def _attached(self, frozen: Mapping[str, Any]) -> list[Attached]:
        """Read the files that were approved; raises UserError where one is no longer what it was."""
        found, left = [], FILES_BYTES
        for name, sha256 in zip(frozen.get("attachments", ()), frozen.get("sha256", ()), strict=True):
            path, content = Path(name), bytearray()
            while True:
                arguments = {"path": str(path), "start": len(content)}
                try:
                    piece = await self._jail.call("mail.file_piece", arguments, read=(path,), timeout_s=READ_S)
                except CallFailed as failure:
                    raise _not_attached(path, failure) from failure
                data = base64.b64decode(piece["data"])
                left -= len(data)
                if left < 0 or int(piece["size_bytes"]) > FILES_BYTES:
                    raise _too_large()
                content += data
                if not data or len(content) >= int(piece["size_bytes"]):
                    break
            if hashlib.sha256(content).hexdigest() != sha256:
                raise UserError(
                    "file_changed",
                    tr("{name} has changed since it was asked about, so nothing was sent.", name=visible(path.name)),
                    tr("Ask for it again."), ExitCode.DENIED,
                )  # fmt: skip
            found.append(Attached(path.name, bytes(content)))
        return found


def _label(scene: CallScene, post: Post) -> Label:
    """Return the label of what is said about a mail: an answer has the subject and the address of another's mail."""
    return join([scene.context, *([post.answers.label] if post.answers is not None else [])])


async def _file_away(imap: Imap, written: Written) -> bool:
    folder = await imap.special("sent")
    if folder is None:
        return False
    await imap.append(folder, written.kept, rb"(\Seen)")
    return True


def _not_attached(path: Path, failure: CallFailed) -> UserError:
    reason = str(failure).rstrip(".")
    return UserError(
        "not_attached", tr("{name} can't go along: {reason}.", name=visible(path.name), reason=reason),
        tr("Nothing was sent."),
    )  # fmt: skip


def _too_large() -> UserError:
    return UserError(
        "files_too_large", tr("The files are larger than {size} in all.", size=shown_size(FILES_BYTES)),
        tr("Nothing was sent. Send them in another way."),
    )  # fmt: skip
