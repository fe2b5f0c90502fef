"""Reading pages: the functions that run inside the jail, on bytes from anybody.

Owns how HTML becomes a title, readable text and links. Must not know where the bytes came from. Its libraries take
25 MB: only `tools.parser_functions` imports it. Parser worker, in the jailed child.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterator, Mapping
from encodings import normalize_encoding
from encodings.aliases import aliases
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.html
import trafilatura
from lxml.etree import LxmlError, iterwalk

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

TEXT_CHARS = 250_000
TITLE_CHARS = 300
LINKS = 300
LINK_CHARS = 1000
# A shorter article than this, on a page that has more, is a miss of the extraction.
ARTICLE_CHARS = 200

_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*>")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:\D|$)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$)",
    re.IGNORECASE,
)
_UNREAD_TAGS = (
    "script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "audio", "video", "head",
    "select", "textarea",
)  # fmt: skip
_BLOCK_TAGS = (
    "p", "div", "section", "article", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "br", "blockquote", "pre", "td",
    "th", "dt", "dd", "table", "ul", "ol", "header", "footer", "nav", "main",
)  # fmt: skip
# What browsers know. Each is loaded before the jail closes: looked up inside, its module could not be read any more.
_KNOWN = (
    "utf_8", "utf_16", "utf_16_le", "utf_16_be", "cp1252", "gb18030", "big5", "big5hkscs", "euc_jp", "iso2022_jp",
    "shift_jis", "cp932", "euc_kr", "cp949", "koi8_r", "koi8_u", "cp866", "cp874", "mac_roman", "mac_cyrillic",
    *(f"cp125{number}" for number in (0, 1, 3, 4, 5, 6, 7, 8)),
    *(f"iso8859_{number}" for number in range(2, 17) if number != 12),
)  # fmt: skip
# What browsers read under these names.
_MEANT = {"latin_1": "cp1252", "iso8859_1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030",
          "shift_jis": "cp932"}  # fmt: skip
_CODECS = {name: codecs.lookup(name).name for name in _KNOWN}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_page(data: str, charset: str, url: str) -> JSON:
    """Return {"title", "text", "links": [{"text", "url"}], "truncated"} of the HTML page `data` (base64).

    `charset`: what the server says, "" for nothing. `url`: against which links are read. Text that the page hides is
    left out. Raises CallFailed `not_readable`.
    """
    text = decode(base64.b64decode(data), charset)
    try:
        tree = lxml.html.document_fromstring(_DECLARATION.sub("", text).replace("\0", "") or "<html></html>")
    except (LxmlError, ValueError):
        raise CallFailed("not_readable", "this is no page that can be read") from None
    title = _title(tree)
    base = _base(tree, url)
    links = _links(tree, base)
    _drop_unread(tree)
    everything = _tidy("".join(_words(tree)))
    article = ""
    if everything:
        article = trafilatura.extract(tree, fast=True, include_comments=False, favor_recall=True) or ""
    # A list of headlines or a form is no article: then all that can be seen is the text.
    found = everything if len(article) < min(ARTICLE_CHARS, len(everything)) else _tidy(article)
    return {"title": title, "text": found[:TEXT_CHARS], "links": links, "truncated": len(found) > TEXT_CHARS}


def visible_text(text: str) -> tuple[str, list[dict[str, str]]]:
    """Return all that a reader of the HTML `text` sees, and its links; raises CallFailed `not_readable`."""
    try:
        tree = lxml.html.document_fromstring(_DECLARATION.sub("", text).replace("\0", "") or "<html></html>")
    except (LxmlError, ValueError):
        raise CallFailed("not_readable", "this is no page that can be read") from None
    links = _links(tree, "")
    _drop_unread(tree)
    return _tidy("".join(_words(tree))), links


def read_plain(data: str, charset: str) -> JSON:
    """Return {"text", "truncated"} of a text `data` (base64); raises CallFailed `not_readable` where it is none."""
    content = base64.b64decode(data)
    if b"\0" in content[:4096] and not any(content.startswith(bom) for bom, _ in _BOMS[1:]):
        raise CallFailed("not_readable", "this is data, not text")
    text = decode(content, charset).replace("\r\n", "\n")
    return {"text": text[:TEXT_CHARS], "truncated": len(text) > TEXT_CHARS}


def decode(content: bytes, charset: str) -> str:
    """Return `content` as text: by its byte order mark, what the server says, what it says itself, UTF-8, Latin."""
    for bom, code in _BOMS:
        if content.startswith(bom):
            return content[len(bom) :].decode(code, "replace")
    said = [
        match[1].decode() for pattern in (_XML_ENCODING, _META_CHARSET) if (match := pattern.search(content[:4096]))
    ]
    for name in (charset, *said):
        if known := _codec(name):
            return content.decode(known, "replace")
    try:
        # Its end may have been cut in the middle of a character.
        return codecs.utf_8_decode(content, "strict", False)[0]
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _codec(name: str) -> str | None:
    """Return Python's name for a charset of the web, None where there is none such."""
    plain = normalize_encoding(name.strip().strip("\"'").lower())
    module = aliases.get(plain, plain)
    return _CODECS.get(_MEANT.get(module, module))


def _title(tree: Any) -> str:
    for path in ("//head/title", "//meta[@property='og:title']/@content", "//h1", "//title"):
        for found in tree.xpath(path)[:1]:
            words = str(found if isinstance(found, str) else found.text_content())
            if tidy := " ".join(words.split()):
                return tidy[:TITLE_CHARS]
    return ""


def _base(tree: Any, url: str) -> str:
    for href in tree.xpath("//base/@href")[:1]:
        try:
            return urljoin(url, str(href).strip())
        except ValueError:
            break
    return url


def _links(tree: Any, base: str) -> list[dict[str, str]]:
    found: dict[str, str] = {}
    for anchor in tree.iterfind(".//a[@href]"):
        try:
            target = urljoin(base, anchor.get("href").strip()).partition("#")[0]
            web = urlsplit(target).scheme in ("http", "https")
        except ValueError:
            continue
        if web and target.isprintable() and len(target) <= LINK_CHARS and target not in found:
            found[target] = " ".join(anchor.text_content().split())[:TITLE_CHARS]
            if len(found) >= LINKS:
                break
    return [{"text": text, "url": target} for target, text in found.items()]


def _drop_unread(tree: Any) -> None:
    """Take out what a reader does not see: programs, frames, hidden parts, notes of the author."""
    for element in list(tree.iter()):
        hidden = not isinstance(element.tag, str) or element.tag in _UNREAD_TAGS or _is_hidden(element)
        if hidden and element.getparent() is not None:
            element.drop_tree()


def _is_hidden(element: Any) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden", "").strip().lower() == "true":
        return True
    if element.tag == "input":
        return True
    style = element.get("style")
    return style is not None and _HIDDEN_STYLE.search(style) is not None


def _words(tree: Any) -> Iterator[str]:
    """Yield the text of a page with a line feed around each block, without recursion: pages may be deep."""
    for event, element in iterwalk(tree, events=("start", "end")):
        block = element.tag in _BLOCK_TAGS
        if block:
            yield "\n"
        text = element.text if event == "start" else element.tail
        if text:
            yield text


def _tidy(text: str) -> str:
    return _BLANK_LINES.sub("\n\n", "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n"))).strip()


HANDLERS: Mapping[str, Handler] = MappingProxyType({"web.page": read_page, "web.text": read_plain})
