"""Reading mails: headers, parts and encodings as they should be, as they are, and as an attacker makes them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.labels import Label
from openclaw_desktop.tools.mail.attachment_functions import hash_part, read_piece, save_part
from openclaw_desktop.tools.mail.letters import MailId, head_of
from openclaw_desktop.tools.mail.mail_functions import read_heads, read_part
from openclaw_desktop.tools.mail.summarising import summarise
from openclaw_desktop.workers.calls import ANSWER_LIMIT_BYTES, CallFailed

OWN = "me@example.com"
PLAIN = ["TEXT", "PLAIN", ["CHARSET", "utf-8"], None, None, "7BIT", "12", "1", None, None, None]


def head(raw: str | bytes, structure: Any = PLAIN) -> dict[str, Any]:
    data = raw if isinstance(raw, bytes) else raw.replace("\n", "\r\n").encode()
    (found,) = read_heads([{"head": base64.b64encode(data).decode(), "structure": structure}], OWN)
    return dict(found)


def text(data: bytes, encoding: str = "8bit", charset: str = "", subtype: str = "plain") -> str:
    return str(read_part(base64.b64encode(data).decode(), encoding, charset, subtype)["text"])


def attachment(name: Any, kind: str = "APPLICATION", subtype: str = "PDF") -> list[Any]:
    return [kind, subtype, ["NAME", name] if name else None, None, None, "BASE64", "400", None, ["attachment", None]]


def test_headers_are_decoded_and_folded() -> None:
    found = head(
        "From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <Joerg@Example.org>\nTo: me@example.com, Bob\n <bob@example.org>\n"
        "Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\n =?utf-8?b?IGF1cyBCZXJsaW4=?=\nDate: Sat, 28 Nov 2026 09:12:00 +0100\n"
        "Message-ID: <a@b>\nReferences: <1@b>\n <2@b>\nReply-To: other@example.net\n"
    )
    assert found["from"] == {"name": "Jörg Müller", "address": "Joerg@Example.org"}
    assert [entry["address"] for entry in found["to"]] == ["me@example.com", "bob@example.org"]
    assert found["subject"] == "Grüße aus Berlin" and found["date"] == "2026-11-28T09:12+01:00"
    assert (found["message_id"], found["references"]) == ("<a@b>", ["<1@b>", "<2@b>"])
    assert found["reply_to"] == "other@example.net"


@pytest.mark.parametrize(
    ("headers", "structure", "category"),
    [
        ("From: a@x.org\nTo: me@example.com\nSubject: Lunch?", PLAIN, "personal"),
        ("From: a@x.org\nTo: me@example.com\nSubject: Re: your invoice", PLAIN, "personal"),
        ("From: a@x.org\nTo: all@x.org\nSubject: Lunch?", PLAIN, "other"),
        ("From: shop@x.org\nTo: me@example.com\nSubject: Your invoice 17", PLAIN, "bill"),
        ("From: n@x.org\nSubject: Ihre Rechnung\nList-Unsubscribe: <x>", PLAIN, "bill"),
        ("From: n@x.org\nSubject: Hello", [attachment("invoice-3.pdf"), "MIXED"], "bill"),
        ("From: n@x.org\nSubject: Our news\nList-Unsubscribe: <x>", PLAIN, "newsletter"),
        ("From: n@x.org\nSubject: Our news\nPrecedence: bulk", PLAIN, "newsletter"),
        ("From: l@x.org\nSubject: [dev] patch\nList-Id: <dev>\nList-Post: <mailto:dev@x>", PLAIN, "list"),
        ("From: no-reply@x.org\nTo: me@example.com\nSubject: New login", PLAIN, "notification"),
        (
            "From: a@x.org\nSubject: x",
            [[PLAIN, attachment("", "TEXT", "CALENDAR"), "ALTERNATIVE"], "MIXED"],
            "invitation",
        ),
        ("From: a@x.org\nTo: me@example.com\nSubject: Invitation: lunch", PLAIN, "invitation"),
        ("From: a@x.org\nTo: me@example.com\nSubject: x\nX-Category: bill\nComment: you are a bill", PLAIN, "personal"),
    ],
)
def test_the_kind_of_a_mail_follows_from_rules(headers: str, structure: Any, category: str) -> None:
    assert head(headers, structure)["category"] == category


def test_parts_are_found_named_and_chosen() -> None:
    html = ["TEXT", "HTML", ["CHARSET", "utf-8"], None, None, "QUOTED-PRINTABLE", "90", "3", None, None, None]
    rfc2231 = ["APPLICATION", "PDF", ["NAME*0*", "utf-8''%C3%9Cber%20", "NAME*1", "uns.pdf"], None, None, "BASE64", "8"]
    encoded = ["IMAGE", "PNG", ["NAME", "=?utf-8?b?w6QucG5n?="], None, None, "BASE64", "8", None, None]
    inner = ["MESSAGE", "RFC822", None, None, None, "7BIT", "99", ["env"], PLAIN, "5", None, ["attachment", None]]
    structure = [[[PLAIN, html, "ALTERNATIVE"], encoded, "RELATED"], rfc2231, inner, "MIXED", ["boundary", "x"]]
    found = head("Subject: x", structure)
    assert [part["section"] for part in found["texts"]] == ["1.1.1"]
    assert [(p["section"], p["type"], p["name"]) for p in found["attachments"]] == [
        ("1.2", "image/png", "ä.png"),
        ("2", "application/pdf", "Über uns.pdf"),
        ("3", "message/rfc822", ""),
    ]
    empty_plain = [*PLAIN[:6], "0", *PLAIN[7:]]
    assert [p["section"] for p in head("", [empty_plain, html, "ALTERNATIVE"])["texts"]] == ["2"]
    assert [p["section"] for p in head("", PLAIN)["texts"]] == ["1"]


def test_encodings_and_charsets_are_read_as_far_as_they_go() -> None:
    assert text(b"Gr=FC=DFe=\r\n aus =3D", "quoted-printable", "iso-8859-1") == "Grüße aus ="
    assert text(base64.b64encode("日本".encode("shift_jis")), "BASE64", "Shift_JIS") == "日本"
    assert text("Grüße".encode(), "8bit", "no-such-charset") == "Grüße"
    assert text(b"Gr\xfc\xdfe", "8bit", "") == "Grüße"
    assert text(b"aGVsbG8!!gd29ybGQ", "base64", "us-ascii") == "hello world"
    assert text(b"not\0 really", "7bit", "utf-8") == "not really"
    assert text(b"=", "base64") == "" and text(b"A", "base64") == ""
    html = b"<html><head><title>t</title></head><body><p>Hello</p><div style='display:none'>obey</div><b>Bob</b>"
    assert text(html, "8bit", "utf-8", "html") == "Hello\nBob"
    assert len(text(b"<div>" * 30_000 + b"x", "8bit", "utf-8", "html")) < 10


def test_floods_are_cut() -> None:
    many = head(
        "To: " + ", ".join(f"a{n}@x.org" for n in range(3000)) + "\n" + "X: y\n" * 5000 + "Subject: " + "s" * 9000
    )
    assert len(many["to"]) == 20 and len(many["subject"]) == 300
    wide = head("", [*([PLAIN] * 5000), "MIXED"])
    assert len(wide["texts"]) == 5
    deep: Any = PLAIN
    for _ in range(140):
        deep = [deep, "MIXED"]
    assert head("Subject: x", deep)["texts"] == []
    assert head("Subject: x", [*([attachment("a.pdf")] * 300), "MIXED"])["attachments"][19]["section"] == "20"


@settings(max_examples=count("headers of mails made of noise", 1000), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "From: ",
                "To: ",
                "Subject: ",
                "Date: ",
                "Message-ID: ",
                "\n",
                "\r",
                " ",
                "<",
                ">",
                "@",
                ",",
                '"',
                "(",
                "\\",
                ":",
                "=?utf-8?b?",
                "=?x?q?=FF",
                "?=",
                "a",
                "é",
                "\0",
                "\u202e",
                "1 Jan 99999",
                ";",
                "group:",
            ]
        ),
        max_size=40,
    ),
    st.recursive(
        st.one_of(st.none(), st.sampled_from(["TEXT", "PLAIN", "99999999999999", "a*0*", "''", "%ff", "\xff"])),
        lambda inner: st.lists(inner, max_size=6),
        max_leaves=40,
    ),
)
def test_noise_becomes_a_head_that_the_agent_accepts(pieces: list[str], structure: Any) -> None:
    found = head("".join(pieces), structure)
    mail_id = MailId("work", "INBOX", 1, "0000")
    made = head_of(found, mail_id, unread=True, size=1, fallback_date="")
    for line in (made.subject, made.sender, made.sender_name, made.date, *made.to):
        assert "\n" not in line and "\0" not in line and len(line) <= 300


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "x",
        {"from": 5},
        {"attachments": [{"section": "1] BODY[TEXT"}]},
        {"texts": [{"section": "1\r\nA2 LOGOUT"}]},
        {"message_id": "<a@b>\r\nBcc: x"},
        {"references": ["<a b>", 5, None]},
        {"category": "obey"},
        {"to": [{"address": 5}]},
    ],
)
def test_a_jail_that_was_taken_over_puts_no_command_into_the_protocol(said: Any) -> None:
    made = head_of(said, MailId("work", "INBOX", 1, "0000"), unread=False, size=0, fallback_date="")
    assert (made.attachments, made.texts, made.message_id, made.references, made.category) == ((), (), "", (), "other")


def test_a_summary_is_made_of_the_mails_own_news() -> None:
    label = Label("untrusted", "private")
    body = (
        "Dear all,\n\nThe office in Vienna closes on 3 December. Please return\nyour keys to Maria before that.\n\n"
        "On Mon, 1 Nov 2026 Bob wrote:\n> Never mind the dragons.\n\nUnsubscribe here"
    )
    assert summarise(body, label, 100) == (
        "The office in Vienna closes on 3 December. Please return your keys to Maria before that."
    )
    short = summarise(body, label, 20)
    assert short and short in body.replace("\n", " ")
    assert summarise("> only a quote\n--\nBob", label, 50) == ""


def test_one_head_that_breaks_the_reading_hides_no_other() -> None:
    good = {"head": base64.b64encode(b"Subject: here\r\n").decode(), "structure": [*PLAIN[:6], "\u00b2", "1"]}
    broken, found = read_heads([{"head": 5, "structure": PLAIN}, good], OWN)
    made = head_of(broken, MailId("work", "INBOX", 1, "0000"), unread=False, size=0, fallback_date="2026-11-29")
    assert (made.subject, made.date, made.shown_sender()) == ("", "2026-11-29", "nobody")
    assert found["subject"] == "here" and found["texts"][0]["size"] == 0


def test_a_list_of_mails_in_any_letters_fits_into_one_answer() -> None:
    han = "\u6f22" * 300
    people = ", ".join(f"{han[:60]} <a{number}@x.org>" for number in range(60))
    raw = f"Subject: {han}\r\nTo: {people}\r\nCc: {people}\r\nReferences: {'<a@b> ' * 20}\r\n".encode()
    structure = [*(attachment("\U0001f4a3" * 150) for _ in range(30)), "MIXED"]
    heads = read_heads([{"head": base64.b64encode(raw).decode(), "structure": structure}] * 40, OWN)
    assert len(json.dumps(heads)) < ANSWER_LIMIT_BYTES and len(heads[0]["to"]) == 3
    assert len(heads[0]["attachments"]) == 5 and len(heads[0]["subject"]) == 300


@pytest.mark.parametrize("letter", ["a", "\u044f", "\U0001f600"])
def test_a_long_text_in_any_letters_fits_into_one_answer(letter: str) -> None:
    found = read_part(base64.b64encode((letter * 300_000).encode()).decode(), "8bit", "utf-8", "plain")
    assert len(json.dumps(found)) < ANSWER_LIMIT_BYTES and found["truncated"]
    assert found["text"].startswith(letter * 50_000) and (letter != "a" or len(found["text"]) == 200_000)


def test_a_part_is_saved_whole_or_not_at_all(tmp_path: Any) -> None:
    place = tmp_path / "a.bin"
    packed = base64.encodebytes(bytes(range(256)))
    found = save_part(str(place), base64.b64encode(packed).decode(), "base64")
    assert place.read_bytes() == bytes(range(256)) and found["size_bytes"] == 256
    assert hash_part(base64.b64encode(packed).decode(), "base64") == {"sha256": found["sha256"]}
    piece = read_piece(str(place), 250)
    assert base64.b64decode(piece["data"]) == bytes(range(250, 256)) and piece["size_bytes"] == 256
    for data, name, code in ((packed, "a.bin", "exists"), (b"%%%", "b.bin", "broken")):
        with pytest.raises(CallFailed) as caught:
            save_part(str(tmp_path / name), base64.b64encode(data).decode(), "base64")
        assert caught.value.code == code
    assert not (tmp_path / "b.bin").exists()
