"""The tools that read mail: find, read, summarise.

Owns their schemas, receipts and words. What a mail says is untrusted and private, whoever it says it is from. Must not
fetch or parse a mail itself. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.core.tokens import clip, estimate_tokens
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.accounts import AccountBook
from openclaw_desktop.tools.mail.categories import CATEGORIES
from openclaw_desktop.tools.mail.letters import Head, parse_id, shown_size, size_of
from openclaw_desktop.tools.mail.mailbox import Found, Letter, Mailbox, Wanted
from openclaw_desktop.tools.mail.summarising import summarise

CAPABILITY = "mail:read"
TIMEOUT_S = 60.0
COUNT = 10
SUMMARISED = 10
LINKS_SHOWN = 20

MAIL_ID = {"type": "string", "minLength": 1, "maxLength": 400, "description": "the id that stands before the mail"}
_WHICH: Mapping[str, Any] = {
    "account": {"type": "string", "maxLength": 100, "description": "leave it out for all"},
    "folder": {"type": "string", "minLength": 1, "maxLength": 200},
    "unread": {"type": "boolean", "description": "only mails that were not read"},
    "query": {"type": "string", "minLength": 1, "maxLength": 300, "description": "words in the mail"},
    "from": {"type": "string", "minLength": 1, "maxLength": 200, "description": "name or address of the sender"},
    "since": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    "category": {"enum": list(CATEGORIES)},
}


def _over_accounts(name: str, description: str, most: int) -> ToolSpec:
    """Return the spec of a tool that looks at `most` mails at once of some accounts."""
    return ToolSpec(
        name,
        description,
        {
            "type": "object",
            "properties": {**_WHICH, "count": {"type": "integer", "minimum": 1, "maximum": most}},
            "additionalProperties": False,
        },
        "read",
        CAPABILITY,
        ("accounts",),
        timeout_s=TIMEOUT_S,
    )


class _OverAccounts:
    """What the tools over several mails share: which accounts, and which mails."""

    def __init__(self, mailbox: Mailbox, book: AccountBook) -> None:
        self._mailbox = mailbox
        self._book = book

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the names of the accounts that are looked into."""
        asked = {name: value for name, value in call.arguments.items() if name != "account"}
        for name in ("query", "from", "folder"):
            if name in asked:
                asked[name] = " ".join(without_controls(str(asked[name])).split())
                if not asked[name]:
                    raise UserError("nothing_given", tr("{name} is empty.", name=name), "", ExitCode.USAGE)
        if "since" in asked:
            try:
                date.fromisoformat(asked["since"])
            except ValueError:
                raise UserError(
                    "no_such_day", tr("{text} is no day.", text=asked["since"]), tr("Write it as 2026-01-31.")
                ) from None
        name = str(call.arguments.get("account", "")).strip()
        named = [self._book.find("mail", name)] if name else self._book.all("mail")
        return ToolCall(call.id, call.name, {**asked, "accounts": [account.name for account in named]})


class FindMailTool(_OverAccounts):
    """Lists mails."""

    spec = _over_accounts("find_mail", "list or search the user's mail: new, unread, by words, sender, day or kind", 50)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Look, and return one line for each mail, newest first; nothing in the mailbox changes."""
        wanted, accounts = _wanted(call.arguments, COUNT), call.arguments["accounts"]
        texts, data, labels, failures = [], [], [_empty(accounts)], []
        room = max(80, scene.result_tokens // max(1, len(accounts)) - 20)
        for name in accounts:
            try:
                found = await self._mailbox.find(self._book.find("mail", name), wanted)
            except UserError as error:
                failures.append(error)
                texts.append(error.failure.text)
                continue
            texts.append(_listed(name, found, wanted, room))
            data += [head.as_data() for head in found.heads]
            labels += [head.label for head in found.heads]
        if failures and len(failures) == len(accounts):
            raise failures[0]
        receipt = Receipt("mail.listed", tr("looked through the mail"), call.id)
        return ToolResult("\n\n".join(texts), join(labels), (receipt,), data)


class SummariseMailTool(_OverAccounts):
    """Says in short what mails say."""

    spec = _over_accounts(
        "summarise_mail", "say in short what several mails say: the unread ones, or those that fit", 20
    )

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return for each mail the sentences of its own that say most."""
        wanted, accounts = _wanted(call.arguments, SUMMARISED), call.arguments["accounts"]
        letters: list[Letter] = []
        total, failures = 0, []
        for name in accounts:
            try:
                found, read = await self._mailbox.read_found(self._book.find("mail", name), wanted)
            except UserError as error:
                failures.append(error)
                continue
            letters += read
            total += found.total
        if failures and len(failures) == len(accounts):
            raise failures[0]
        failed = [error.failure.text for error in failures]
        label = join([_empty(accounts), *(letter.head.label for letter in letters)])
        receipt = Receipt("mail.read", tr("read {count} mails", count=len(letters)), call.id)
        if not letters:
            return ToolResult("\n".join([_nothing(wanted), *failed]), label, (receipt,), [])
        each = max(30, (scene.result_tokens - 40) // len(letters))
        lines, data = [], []
        for letter in letters:
            head = _line(letter.head, short=True)
            said = summarise(letter.text, letter.head.label, max(15, each - estimate_tokens(head) - 5))
            none = tr("[it can't be read]") if letter.broken else tr("[it has no text]")
            lines.append(f"{head}\n  {said or none}")
            data.append({**letter.head.as_data(), "summary": said})
        if total > len(letters):
            lines.append(tr("[{count} more]", count=total - len(letters)))
        return ToolResult("\n".join([*lines, *failed]), label, (receipt,), data)


class ReadMailTool:
    """Reads one mail."""

    spec = ToolSpec(
        "read_mail",
        "read one mail of the user by its id",
        {
            "type": "object",
            "properties": {
                "mail": MAIL_ID,
                "part": {"type": "integer", "minimum": 1, "maximum": 200, "description": "of a long mail, which part"},
                "links": {"type": "boolean", "description": "list its links too"},
            },
            "required": ["mail"],
            "additionalProperties": False,
        },
        "read",
        CAPABILITY,
        ("accounts",),
        timeout_s=TIMEOUT_S,
    )

    def __init__(self, mailbox: Mailbox, book: AccountBook) -> None:
        self._mailbox = mailbox
        self._book = book

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the account that the mail is in."""
        mail_id = parse_id(call.arguments["mail"])
        account = self._book.find("mail", mail_id.account)
        return ToolCall(call.id, call.name, {**call.arguments, "mail": str(mail_id), "accounts": [account.name]})

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return its text; it stays unread."""
        mail_id = parse_id(call.arguments["mail"])
        letter = await self._mailbox.read(self._book.find("mail", mail_id.account), mail_id)
        text = _shown(letter, scene, int(call.arguments.get("part", 1)), bool(call.arguments.get("links")))
        receipt = Receipt("mail.read", tr("read the mail {id}", id=str(mail_id)), call.id, str(mail_id))
        data = {**letter.head.as_data(), "text": letter.text, "links": list(letter.links)}
        return ToolResult(text, letter.head.label, (receipt,), data)


def _wanted(asked: Mapping[str, Any], count: int) -> Wanted:
    return Wanted(
        str(asked.get("folder", "INBOX")),
        bool(asked.get("unread", False)),
        str(asked.get("query", "")),
        str(asked.get("from", "")),
        str(asked.get("since", "")),
        str(asked.get("category", "")),
        int(asked.get("count", count)),
    )


def _empty(accounts: Sequence[str]) -> Label:
    """Return the label of a list without mails: our own words about the user's own accounts."""
    return Label("system", "private", tuple(f"mail:{name}" for name in accounts))


def _nothing(wanted: Wanted) -> str:
    return tr("There is no unread mail.") if wanted.unread else tr("There is no such mail.")


def _listed(name: str, found: Found, wanted: Wanted, room: int) -> str:
    where = f"{name}, {visible(wanted.folder)}"
    looked = []
    if found.looked_through:
        looked = [tr("[only the newest {count} mails were looked through]", count=found.looked_through)]
    if not found.heads:
        return "\n".join([f"{where}: {_nothing(wanted)}", *looked])
    first = tr("{where}: {count} mails", where=where, count=found.total)
    if wanted.unread:
        first = tr("{where}: {count} unread mails", where=where, count=found.total)
    lines: list[str] = []
    left = room - estimate_tokens(first)
    for head in found.heads:
        line = _line(head)
        left -= estimate_tokens(line)
        if left < 0 and lines:
            break
        lines.append(line)
    more = [tr("[{count} more]", count=found.total - len(lines))] if found.total > len(lines) else []
    return "\n".join([first, *lines, *more, *looked])


def _line(head: Head, *, short: bool = False) -> str:
    """Return a mail as one line, in which nothing can hide."""
    subject = visible(head.subject) or tr("[no subject]")
    if short:
        return f"- [{head.id}] {head.shown_sender()}: {subject}"
    marks = [head.category, *([tr("unread")] if head.unread else [])]
    if head.attachments:
        marks.append(tr("{count} attachments", count=len(head.attachments)))
    return f"- [{head.id}] {visible(head.date[:16])} {head.shown_sender()}: {subject} ({', '.join(marks)})"


def _shown(letter: Letter, scene: CallScene, part: int, links: bool) -> str:
    head = letter.head
    lines = [
        tr("From: {sender}", sender=head.shown_sender()),
        tr("To: {to}", to=visible(", ".join((*head.to, *head.cc)))[:400]),
        tr("Date: {date}", date=visible(head.date)),
        tr("Subject: {subject}", subject=visible(head.subject)),
    ]
    if head.attachments:
        named = [
            f"{number}. {visible(p.name) or visible(p.type)} ({visible(p.type)}, {shown_size(size_of(p))})"
            for number, p in enumerate(head.attachments, 1)
        ]
        lines.append(tr("Attachments: {names}", names="; ".join(named)))
    top = clip("\n".join(lines), max(100, scene.result_tokens // 2))
    rest = letter.text
    if links:
        listed = [f"- {' '.join(link['text'].split())}: {link['url']}" for link in letter.links[:LINKS_SHOWN]]
        rest = "\n".join([*(listed or [tr("[the mail has no links]")]), "", rest])
    room = max(100, scene.result_tokens - estimate_tokens(top) - 40)
    for _ in range(part - 1):
        cut = clip(rest, room)
        rest = rest[len(cut) - 1 :] if cut != rest else ""
    shown = clip(rest, room)
    notes = []
    if not letter.text:
        notes.append(tr("[the mail has no text]"))
    elif not rest:
        notes.append(tr("[the mail has no part {part}]", part=part))
    if shown != rest:
        notes.append(tr("[cut: the mail goes on in part {part}]", part=part + 1))
    elif letter.truncated:
        notes.append(tr("[cut: the mail is longer than is read]"))
    return "\n\n".join(piece for piece in (top, shown, *notes) if piece)
