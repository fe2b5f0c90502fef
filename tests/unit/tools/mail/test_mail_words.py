"""Words about mail: plain requests, addresses, ids, names of files, what is written, what a grant covers."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.gate import Grant, fits
from openclaw_desktop.security.scopes import wanted_scopes
from openclaw_desktop.tools.mail.addresses import clean_address
from openclaw_desktop.tools.mail.attachment_tool import SaveAttachmentTool, file_name
from openclaw_desktop.tools.mail.composing import write
from openclaw_desktop.tools.mail.letters import MailId, head_of, mark_of, parse_id
from openclaw_desktop.tools.mail.plain import PLAIN
from openclaw_desktop.tools.mail.posts import Attached, Post, clean_subject
from openclaw_desktop.tools.mail.writing_tools import SendMailTool


def plain(text: str) -> tuple[str, dict[str, object]] | None:
    for form in PLAIN:
        match = form.pattern.fullmatch(text)
        if match is not None and (arguments := form.arguments(match)) is not None:
            return form.tool, dict(arguments)
    return None


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("any new mail?", ("find_mail", {"unread": True})),
        ("Do I have any new emails?", ("find_mail", {"unread": True})),
        ("is there any unread mail for me", ("find_mail", {"unread": True})),
        ("check my email", ("find_mail", {"unread": True})),
        ("Please show me my unread mails.", ("find_mail", {"unread": True})),
        ("search my mail for the Acme contract", ("find_mail", {"query": "the Acme contract"})),
        ("can you search my e-mails for “invoice 17”?", ("find_mail", {"query": "invoice 17"})),
        ("summarise my unread mail", ("summarise_mail", {"unread": True})),
        ("Summarize my new emails please.", ("summarise_mail", {"unread": True})),
        ("what's in my unread mail?", ("summarise_mail", {"unread": True})),
    ],
)
def test_plain_requests_are_known(text: str, call: tuple[str, dict[str, object]]) -> None:
    assert plain(text) == call


@pytest.mark.parametrize(
    "text",
    [
        "any new mail from Ana?",
        "is there any new mail server software?",
        "check my mail and answer it",
        "search my mail",
        "search my mail for  ",
        "search the web for mail",
        "summarise this mail",
        "summarise my unread mail and send it to Bob",
        "what is e-mail?",
        "did the mail come?",
        "send a mail to Bob",
        "do I have mail delivery today?",
        "my mail",
        "delete my unread mail",
    ],
)
def test_what_is_not_certain_is_left_to_the_model(text: str) -> None:
    assert plain(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ana@example.org", "ana@example.org"),
        ("  Ana Weber <Ana.W@Example.ORG> ", "Ana.W@example.org"),
        ("a+b@sub.example.co.uk", "a+b@sub.example.co.uk"),
        ("x@müller.example", "x@xn--mller-kva.example"),
    ],
)
def test_addresses_have_one_form(text: str, address: str) -> None:
    assert clean_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ana",
        "ana@",
        "@example.org",
        "a b@example.org",
        "a@b@example.org",
        "ana@example",
        "ana@example.org\r\nBcc: x@y.z",
        "ana@example.org> RCPT TO:<eve@x.org",
        "<a@x.org><b@x.org>",
        "a@[127.0.0.1]",
        "a..b@x.org",
        "ä@x.org",
        "a@x.org\0",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        clean_address(text)


def test_ids_come_back_and_odd_ones_mean_nothing() -> None:
    mail_id = MailId("work", "Archive/2026 & more", 17, mark_of(1_700_000_000))
    assert parse_id(str(mail_id)) == mail_id and parse_id(f"[{mail_id}]") == mail_id
    for odd in ("", "17", "work/INBOX/x", "work/INBOX/1.zzzz", "work/\r\n/1.0000", "W/INBOX/1.0000", "x" * 500):
        with pytest.raises(UserError):
            parse_id(odd)


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../.bashrc", "bashrc"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("", "attachment-3"),
        ("...", "attachment-3"),
        ("a\u202etxt.exe", "a_txt.exe"),
        ("ü ber*?.pdf", "ü ber__.pdf"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_file_gets_a_name_that_is_one(given_name: str, name: str) -> None:
    assert file_name(given_name, 3) == name


@settings(max_examples=count("mails with odd texts", 300), deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=200), st.text(max_size=80))
def test_what_is_written_comes_back_and_no_header_is_added(text: str, subject: str) -> None:
    clean = "".join(c for c in text if c.isprintable() or c in "\n\t")
    answered = head_of(
        {"message_id": "<m@x>", "references": ["<r@x>"], "subject": "s"},
        MailId("work", "INBOX", 1, "0000"),
        unread=True,
        size=1,
        fallback_date="",
    )
    shown = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    attached = [Attached("ü.txt", b"x")]
    post = Post("me@x.org", ["a@x.org"], [], ["hidden@x.org"], shown, clean, attached, answered)
    written = write(post, datetime(2026, 11, 29, tzinfo=UTC))
    message = email.message_from_bytes(written.sent, policy=email.policy.default)
    assert sorted(message.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type"]
    )
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == clean.rstrip("\n")
    assert message["References"] == "<r@x> <m@x>" and b"hidden@x.org" not in written.sent and b"hidden" in written.kept


@pytest.mark.parametrize(
    ("subject", "clean"),
    [
        ("Lunch at 12?", "Lunch at 12?"),
        ("=?utf-8?b?aGVsbG8=?= x", "= ?utf-8?b?aGVsbG8= ?= x"),
        ("Re: =?utf-8?q?a=0D=0ABcc:_x@y.org?=", "Re: = ?utf-8?q?a=0D=0ABcc:_x@y.org?="),
        ("two\n lines\x00 \u00e4", "two lines \u00e4"),
    ],
)
def test_a_subject_is_sent_as_it_was_shown(subject: str, clean: str) -> None:
    assert clean_subject(subject) == clean
    encoded = {"message_id": "<=?utf-8?q?a=0D=0ABcc:_x?=@y>", "references": ["<r@x>"], "subject": "s"}
    head = head_of(encoded, MailId("work", "INBOX", 1, "0000"), unread=True, size=1, fallback_date="")
    written = write(Post("me@x.org", ["a@x.org"], [], [], clean, "t", [], head), datetime(2026, 11, 29, tzinfo=UTC))
    message = email.message_from_bytes(written.sent, policy=email.policy.default)
    assert message["Subject"] == clean and message["Bcc"] is None
    assert message["References"] is None and message["In-Reply-To"] is None, "an id that would be written otherwise"


class Recorder:
    """Stands in for all that saving needs, and keeps what was asked of it, in turn."""

    def __init__(self, *, own: bool) -> None:
        self.own, self.asked = own, list[str]()

    def find(self, kind: str, name: str) -> str:
        return name

    async def head(self, account: str, mail_id: MailId) -> object:
        part = {"section": "2", "type": "text/plain", "encoding": "base64", "size": 4, "name": "a.txt"}
        return head_of({"attachments": [part]}, mail_id, unread=True, size=1, fallback_date="")

    async def part(self, account: str, mail_id: MailId, part: object) -> bytes:
        return b"YQ=="

    async def call(self, function: str, arguments: object, **more: object) -> dict[str, object]:
        self.asked.append(function)
        return {"sha256": "0" * 64, "size_bytes": 1}

    async def is_own(self, path: object) -> bool:
        return self.own

    async def note(self, path: object, sha256: str, label: Label) -> None:
        self.asked.append(f"note {label.integrity}")

    async def foretell(self, path: object, sha256: str, label: Label) -> bool:
        self.asked.append(f"foretell {label.integrity}")
        return False


@pytest.mark.parametrize("own", [True, False])
async def test_what_is_saved_is_its_senders_before_it_lies_among_the_users_own_texts(own: bool) -> None:
    part: Any = Recorder(own=own)
    tool = SaveAttachmentTool(part, part, part, part, part, part, Path("/home/me"))
    arguments = {"accounts": ["work"], "mail": "work/INBOX/1.0000", "number": 1, "path": "/home/me/a.txt"}
    await tool.run(ToolCall("c", "save_attachment", arguments), CallScene("s", "t", Label("user", "private")))
    before = ["mail.hash_part", "foretell untrusted"] if own else []
    assert part.asked == [*before, "mail.save_part", "note untrusted"]


def sending(**arguments: object) -> ToolCall:
    return ToolCall("c", "send_mail", {"account": "work", "subject": "s", "text": "t", **arguments})


def test_a_grant_to_send_is_for_everybody_who_gets_it_and_for_no_files() -> None:
    spec, grants = (
        SendMailTool.spec,
        [Grant("mail:send", "a@x.org"), Grant("mail:send", "work"), Grant("mail:send", "s")],
    )
    assert fits(sending(to=["a@x.org"]), spec, grants)
    for call in (
        sending(to=["a@x.org"], attachments=["/a"]),
        sending(to=["a@x.org", "b@x.org"]),
        sending(cc=["b@x.org"], to=["a@x.org"]),
        sending(bcc=["b@x.org"], to=["a@x.org"]),
        sending(),
        sending(to=[]),
        sending(to=[5]),
        sending(to="b@x.org"),
    ):
        assert not fits(call, spec, grants)
    assert wanted_scopes(sending(to=["a@x.org"], cc=["b@x.org"]), spec) == ("a@x.org", "b@x.org")
    assert wanted_scopes(sending(to=["a@x.org"], attachments=["/a"]), spec) == ()


def test_saving_needs_the_account_and_the_folder() -> None:
    spec = SaveAttachmentTool.spec
    call = ToolCall("c", "save_attachment", {"accounts": ["work"], "path": "/home/me/a.pdf"})
    read, write_ = Grant("mail:read", "work"), Grant("file:write", "/home/me")
    assert fits(call, spec, [read, write_])
    for grants in (
        [read],
        [write_],
        [read, Grant("mail:read", "/home/me/a.pdf")],
        [Grant("mail:read", "home"), write_],
    ):
        assert not fits(call, spec, grants)
    assert wanted_scopes(call, spec) == ()
