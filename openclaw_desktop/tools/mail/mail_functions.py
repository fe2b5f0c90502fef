"""Reading mails: the functions that run inside the jail, on bytes from anybody.

Owns how headers, parts and encodings become text. All that a mail could make endless has an end: headers, addresses,
parts, letters. Must not know where the bytes came from. Only `tools.parser_functions` imports it. Parser worker, in the
jailed child.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes

from openclaw_desktop.tools.mail.categories import categorise
from openclaw_desktop.tools.web_functions import decode, visible_text
from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

TEXT_CHARS = 200_000
LINE_CHARS = 300
ADDRESSES = 20
PARTS = 200
SHOWN_PARTS = 20
READ_PARTS = 5
DEPTH = 60
# An answer of the jail holds 1 MB, and its JSON spells letters beyond ASCII out.
TEXT_JSON_BYTES, HEAD_JSON_BYTES = 800_000, 22_000

_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,4000}\?=")
_FOLD = re.compile(r"\r?\n[ \t]+")
_ID = re.compile(r"<[^<>\s]{1,250}>")
_SPACES = re.compile(r"\s+")


def read_heads(heads: Sequence[Mapping[str, Any]], own: str) -> JSON:
    """Return for each of `heads` what its headers and its structure say.

    A head is {"head": its header lines (base64), "structure": BODYSTRUCTURE as lists}; `own`: the user's address.
    """
    return [_small(_sound(head, own)) for head in heads]


def read_part(data: str, encoding: str, charset: str, subtype: str) -> JSON:
    """Return {"text", "links", "truncated"} of one part of a mail: `data` (base64) as it was sent."""
    content = unpack(base64.b64decode(data), encoding)
    if b"\0" in content[:4096] and not charset.lower().startswith("utf-16"):
        content = content.replace(b"\0", b"")
    text = decode(content, charset).replace("\r\n", "\n")
    links: list[dict[str, str]] = []
    if subtype == "html":
        text, links = visible_text(text)
    whole = text.strip("\n")
    shown = whole[:TEXT_CHARS]
    while len(json.dumps(shown)) > TEXT_JSON_BYTES:
        shown = shown[: len(shown) * 3 // 4]
    return {"text": shown, "links": links[:40], "truncated": len(whole) > len(shown)}


def unpack(content: bytes, encoding: str) -> bytes:
    """Return what `content` was before it was packed for the way; what breaks the rules is read as far as it goes."""
    match encoding.lower():
        case "base64":
            letters = re.sub(rb"[^A-Za-z0-9+/]", b"", content)
            whole = len(letters) - (len(letters) % 4 == 1)
            try:
                return binascii.a2b_base64(letters[:whole] + b"=" * (-whole % 4))
            except binascii.Error:
                return b""
        case "quoted-printable":
            return binascii.a2b_qp(content)
        case _:
            return content


def _sound(head: Mapping[str, Any], own: str) -> dict[str, Any]:
    """Return what one head says; nothing of one that breaks the reading: the others of its list are still read."""
    try:
        return _head(base64.b64decode(head["head"]), head.get("structure"), own)
    except Exception:
        return {}


def _small(said: dict[str, Any]) -> dict[str, Any]:
    """Return a head so small that a whole list of them fits into one answer: of what there is much, less."""
    if len(json.dumps(said)) <= HEAD_JSON_BYTES:
        return said
    less = {"to": said["to"][:3], "cc": [], "references": said["references"][-3:]}
    return {**said, **less, "attachments": said["attachments"][:5]}


def _head(raw: bytes, structure: Any, own: str) -> dict[str, Any]:
    headers = _headers(raw)
    sender = next(iter(_addresses(headers.get("from", ""))), {"name": "", "address": ""})
    to, cc = _addresses(headers.get("to", "")), _addresses(headers.get("cc", ""))
    parts = list(_parts(structure)) if isinstance(structure, list) else []
    reply_to = next(iter(_addresses(headers.get("reply-to", ""))), {"address": ""})["address"]
    subject = _words(headers.get("subject", ""))
    ids = _ID.findall(headers.get("message-id", ""))
    before = _ID.findall(headers.get("references", "")) or _ID.findall(headers.get("in-reply-to", ""))[:1]
    said = {**headers, "subject": subject}
    recipients = [entry["address"] for entry in (*to, *cc)]
    types, names = {part["type"] for part in parts}, [part["name"] for part in parts if part["name"]]
    return {
        "from": sender, "to": to, "cc": cc, "reply_to": reply_to, "subject": subject,
        "date": _date(headers.get("date", "")), "message_id": ids[0] if ids else "", "references": before[-20:],
        "category": categorise(said, sender["address"], recipients, own, types, names),
        "attachments": [part for part in parts if part["attachment"]][:SHOWN_PARTS],
        "texts": [part for section in _read_first(structure, parts) for part in parts if part["section"] == section],
    }  # fmt: skip


def _headers(raw: bytes) -> dict[str, str]:
    """Return the first header of each name, in lower case, its folded lines joined."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    found: dict[str, str] = {}
    for line in _FOLD.sub(" ", text).replace("\r", "").split("\n"):
        name, colon, value = line.partition(":")
        if colon and name and not name[0].isspace():
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _words(raw: str) -> str:
    """Return a header as people read it: encoded words decoded, one line, cut."""
    return _SPACES.sub(" ", _WORD.sub(lambda match: _word(match[0]), _between(raw[:8000]))).strip()[:LINE_CHARS]


def _between(raw: str) -> str:
    # Spaces between two encoded words are not part of the text.
    return re.sub(r"(\?=)\s+(?==\?)", r"\1", raw)


def _word(encoded: str) -> str:
    try:
        pieces = decode_header(encoded)
    except (HeaderParseError, ValueError):
        return encoded
    return "".join(p if isinstance(p, str) else decode(p, charset or "") for p, charset in pieces)


def _addresses(raw: str) -> list[dict[str, str]]:
    found = []
    for name, address in getaddresses([raw[:8000]])[:ADDRESSES]:
        shown = _SPACES.sub("", address)[:254]
        if shown:
            found.append({"name": _words(name)[:100], "address": shown})
    return found


def _date(raw: str) -> str:
    try:
        moment = parsedate_to_datetime(raw[:100])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="minutes")
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""


def _parts(structure: Sequence[Any], section: str = "", depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the single parts of a structure with their sections; a mail within a mail is one part."""
    if depth > DEPTH:
        return
    children = _children(structure)
    if not children:
        yield _part(structure, section or "1")
        return
    for number, child in enumerate(children[:PARTS], 1):
        yield from _parts(child, f"{section}.{number}" if section else str(number), depth + 1)


def _children(structure: Sequence[Any]) -> list[list[Any]]:
    children = []
    for item in structure:
        if not isinstance(item, list):
            break
        children.append(item)
    return children


def _part(fields: Sequence[Any], section: str) -> dict[str, Any]:
    kind, subtype = _text(fields, 0).lower(), _text(fields, 1).lower()
    parameters = _pairs(fields[2] if len(fields) > 2 else None)
    place = {"text": 9, "message": 11 if subtype in ("rfc822", "global") else 8}.get(kind, 8)
    disposition = fields[place] if len(fields) > place and isinstance(fields[place], list) else []
    more = _pairs(disposition[1] if len(disposition) > 1 else None)
    name = _words(_parameter(more, "filename") or _parameter(parameters, "name"))
    inline = kind == "text" and subtype in ("plain", "html") and _text(disposition, 0).lower() != "attachment"
    size = _text(fields, 6)
    return {
        "section": section, "type": f"{kind}/{subtype}"[:100], "charset": _parameter(parameters, "charset")[:40],
        "encoding": _text(fields, 5).lower()[:20], "size": int(size) if size.isdecimal() and len(size) < 12 else 0,
        "name": name[:150], "attachment": not inline or bool(name),
    }  # fmt: skip


def _read_first(structure: Any, parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the sections whose text a reader sees: of alternatives the plain one, else the one in HTML."""
    inline = {part["section"]: part for part in parts if not part["attachment"]}

    def chosen(fields: Sequence[Any], section: str, depth: int) -> list[str]:
        children = _children(fields)
        if depth > DEPTH:
            return []
        if not children:
            here = section or "1"
            return [here] if here in inline else []
        subtype = next((item.lower() for item in fields[len(children) :] if isinstance(item, str)), "mixed")
        below = [
            chosen(child, f"{section}.{number}" if section else str(number), depth + 1)
            for number, child in enumerate(children[:PARTS], 1)
        ]
        if subtype != "alternative":
            return [found for group in below for found in group]
        groups = [group for group in below if group and any(inline[found]["size"] for found in group)]
        plain = [group for group in groups if all(inline[found]["type"] == "text/plain" for found in group)]
        return next(iter([*plain, *reversed(groups)]), [])

    return chosen(structure, "", 0)[:READ_PARTS] if isinstance(structure, list) else []


def _text(fields: Sequence[Any], place: int) -> str:
    return fields[place] if len(fields) > place and isinstance(fields[place], str) else ""


def _pairs(fields: Any) -> dict[str, str]:
    if not isinstance(fields, list):
        return {}
    pairs = zip(fields[::2], fields[1::2], strict=False)
    return {k.lower(): v for k, v in pairs if isinstance(k, str) and isinstance(v, str)}


def _parameter(pairs: Mapping[str, str], name: str) -> str:
    """Return a parameter, put together where it was cut into several or encoded (RFC 2231)."""
    if name in pairs:
        # IMAP gives bytes; what is no ASCII in them is a name that was never encoded.
        return decode(pairs[name].encode("latin-1", "replace"), "")
    if f"{name}*" in pairs:
        return _unescaped(pairs[f"{name}*"], first=True)
    pieces, charset = b"", ""
    for number in range(50):
        if (plain := pairs.get(f"{name}*{number}")) is not None:
            pieces += plain.encode("latin-1", "replace")
        elif (escaped := pairs.get(f"{name}*{number}*")) is not None:
            if number == 0 and escaped.count("'") >= 2:
                charset, _, escaped = escaped.split("'", 2)
            pieces += unquote_to_bytes(escaped)
        else:
            break
    return decode(pieces, charset)


def _unescaped(value: str, *, first: bool) -> str:
    charset, quote, rest = value.partition("'")
    if not first or not quote:
        return decode(unquote_to_bytes(value), "")
    return decode(unquote_to_bytes(rest.partition("'")[2]), charset)


HANDLERS: Mapping[str, Handler] = MappingProxyType({"mail.heads": read_heads, "mail.part": read_part})


def _warm_up() -> None:
    """Use all of it once: what is imported with the first use must be there before the jail closes."""
    said = (_word("=?utf-8?b?w6Q=?="), _word("=?iso-8859-1?q?=E4?="), _date("Mon, 1 Jan 2024 10:00:00 +0100"))
    if said != ("ä", "ä", "2024-01-01T10:00+01:00"):
        raise CallFailed("failed", "mails can't be read here")


_warm_up()
