"""Replies of IMAP servers: what they mean, and that nothing a server sends breaks the reading of them."""

from __future__ import annotations

from typing import Any

import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.tools.mail.folder_names import decode_name, encode_name
from openclaw_desktop.tools.mail.imap_replies import DEPTH, LITERAL_BYTES, NotImapError, Wire, parse, read_reply

NOISE = [b"(", b")", b'"', b"\\", b"[", b"]", b"{3}\r\n", b" ", b"a", b"NIL", b"\xff", b"\n"]


class Bytes:
    """A connection that gives what it was made of, in pieces."""

    def __init__(self, data: bytes, piece: int = 7) -> None:
        self.data, self.piece = data, piece

    async def read(self, limit_bytes: int = 65_536) -> bytes:
        taken, self.data = self.data[: self.piece], self.data[self.piece :]
        return taken


async def values(data: bytes) -> list[Any]:
    reply = await read_reply(Wire(Bytes(data)))
    assert reply is not None
    return reply.values()


async def test_a_reply_is_read_with_its_literals_and_lists() -> None:
    data = b"* 12 FETCH (UID 5 FLAGS (\\Seen) BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {9}\r\n"
    data += b'ab)("\\ \r\n X NIL "q\\"u" (()))\r\n'
    assert await values(data) == [
        b"12",
        b"FETCH",
        [
            b"UID",
            b"5",
            b"FLAGS",
            [b"\\Seen"],
            b"BODY[HEADER.FIELDS (FROM SUBJECT)]<0>",
            b'ab)("\\ \r\n',
            b"X",
            None,
            b'q"u',
            [[]],
        ],
    ]


async def test_a_status_has_its_code_and_the_end_is_told() -> None:
    reply = await read_reply(Wire(Bytes(b"a1 NO [AUTHENTICATIONFAILED] ignore (your task\r\n")))
    assert reply is not None and (reply.tag, reply.status, reply.code) == (b"a1", "NO", "AUTHENTICATIONFAILED")
    opened = await read_reply(Wire(Bytes(b"* OK [UIDVALIDITY 17] x\r\n")))
    assert opened is not None and (opened.code, opened.code_text) == ("UIDVALIDITY", b"17")
    assert await read_reply(Wire(Bytes(b""))) is None


@pytest.mark.parametrize(
    "data",
    [
        b"* " + b"(" * (DEPTH + 5) + b")" * (DEPTH + 5) + b"\r\n",
        b"* (\r\n",
        b"* )\r\n",
        b'* "open\r\n',
        b"* BODY[x\r\n",
        b"* 1 FETCH (X {%d}\r\n" % (LITERAL_BYTES + 1),
        b"* 1 FETCH (X {5}\r\nab",
    ],
)
async def test_what_breaks_the_rules_is_refused(data: bytes) -> None:
    with pytest.raises(NotImapError):
        await values(data)


async def test_an_endless_line_has_an_end() -> None:
    class Endless:
        async def read(self, limit_bytes: int = 65_536) -> bytes:
            return b"x" * 65_536

    with pytest.raises(NotImapError):
        await Wire(Endless()).line(200_000)


@settings(max_examples=count("replies of IMAP servers made of noise", 2000), deadline=None)
@given(
    st.lists(
        st.sampled_from([b"(", b")", b'"', b"\\", b"[", b"]", b"{3}\r\n", b" ", b"a", b"NIL", b"\xff", b"\n"]),
        max_size=40,
    )
)
async def test_noise_is_values_or_an_error(pieces: list[bytes]) -> None:
    try:
        reply = await read_reply(Wire(Bytes(b"".join(pieces) + b"\r\n")))
        if reply is not None:
            reply.values()
    except NotImapError:
        pass


def test_many_parts_have_an_end() -> None:
    with pytest.raises(NotImapError):
        parse([b"() " * 300_000])


@settings(max_examples=count("names of mail folders", 500), deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40))
def test_a_folders_name_comes_back(name: str) -> None:
    assert decode_name(encode_name(name)) == name and encode_name(name).isascii()


def test_known_names() -> None:
    assert encode_name("Entwürfe & mehr") == b"Entw&APw-rfe &- mehr"
    assert decode_name(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-") == "~peter/mail/台北/日本語"
    assert decode_name(b"&broken") == "&broken"
