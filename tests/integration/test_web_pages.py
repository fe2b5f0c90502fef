"""Pages from real sockets, through the real broker, read in the real jail of `worker parsers`."""

from __future__ import annotations

import base64
import os
import signal
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from hostile_web import FakeNet, HostileServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.parsers import ParserHost
from openclaw_desktop.tools.web import FetchPageTool
from openclaw_desktop.tools.web_functions import HANDLERS, read_page
from openclaw_desktop.workers.calls import CallFailed

SCENE = CallScene("s", "t", USER, result_tokens=20_000)

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 44>>stream\nBT /F1 18 Tf 20 100 Td (The rent is 900) Tj ET\nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
    b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n0\n%%EOF\n"
)
ARTICLE = (
    "<!doctype html><html><head><title>Ferns &amp; moss</title><style>p{color:red}</style></head><body>"
    "<nav><a href='/home'>Home</a> <a href='/about'>About</a></nav><article><h1>Ferns</h1>"
    + "".join(f"<p>Paragraph {n} tells at some length how ferns grow in the shade of old trees.</p>" for n in range(12))
    + "<script>document.write('PROGRAM')</script><noscript>NOSCRIPT</noscript>"
    "<p style='display: none'>HIDDEN-STYLE</p><p hidden>HIDDEN-ATTRIBUTE</p><div aria-hidden='true'>HIDDEN-ARIA</div>"
    "<p style='font-size:0'>HIDDEN-SIZE</p><p style='opacity: 0'>HIDDEN-OPACITY</p><!-- HIDDEN-COMMENT -->"
    "<p>The end of the story of ferns is told in full on <a href='more?x=1#part'>another page</a> of ours, and what "
    "it says there is well worth the time of whoever came so far, <a href='javascript:alert(1)'>too</a>.</p>"
    "</article></body></html>"
)


@pytest.fixture
async def parser() -> AsyncIterator[ParserHost]:
    host = ParserHost()
    yield host
    await host.stop()


class Granted:
    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def active(self) -> frozenset[Grant]:
        return frozenset({Grant("network:fetch", self.scope)})


async def fetch(
    monkeypatch: pytest.MonkeyPatch, parser: ParserHost, body: bytes | str, kind: str = "text/html", **more: Any
) -> ToolResult:
    async with HostileServer(lambda e: e.say(body, kind=kind)) as server:
        place = f"127.0.0.1:{server.port}"
        broker = Broker(Dialler(resolve=FakeNet(monkeypatch).resolve))
        tool = FetchPageTool(broker, parser, Granted(place))
        call = ToolCall("c", "fetch_page", {"url": f"http://{place}/dir/page", **more})
        return await tool.run(await tool.freeze(call, SCENE), SCENE)


async def test_an_article_is_read_without_what_it_hides(monkeypatch: pytest.MonkeyPatch, parser: ParserHost) -> None:
    result = await fetch(monkeypatch, parser, ARTICLE, links=True)
    assert result.text.startswith("Ferns & moss\nhttp://127.0.0.1:")
    assert "Paragraph 11 tells" in result.text and "told in full on another page of ours" in result.text
    for word in ("PROGRAM", "NOSCRIPT", "HIDDEN", "color:red", "javascript"):
        assert word not in result.text
    origin = result.data["url"]
    assert result.label == Label("untrusted", "private", (f"web:{origin}",))
    assert [link["url"].removeprefix(origin.removesuffix("/dir/page")) for link in result.data["links"]] == [
        "/home", "/about", "/dir/more?x=1",
    ]  # fmt: skip


CHARSETS = (
    ("Grüße, 東京".encode(), "text/html", "Grüße, 東京"),
    ("Grüße".encode("latin-1"), "text/html", "Grüße"),
    ("Grüße".encode("latin-1"), "text/html; charset=ISO-8859-1", "Grüße"),
    ("“quoted” €".encode("cp1252"), "text/html; charset=iso-8859-1", "“quoted” €"),
    (b"<meta charset='shift_jis'>" + "東京".encode("shift_jis"), "text/html", "東京"),
    ("東京".encode("shift_jis"), "text/html; charset=Shift_JIS", "東京"),
    ("中文".encode("gb18030"), "text/html; charset=gb2312", "中文"),
    (b"\xff\xfe" + "Grüße".encode("utf-16-le"), "text/html", "Grüße"),
    (b"\xef\xbb\xbf" + "Grüße".encode(), "text/html; charset=latin-1", "Grüße"),
    ("Привет".encode("koi8-r"), "text/plain; charset=koi8-r", "Привет"),
    (b'<?xml version="1.0" encoding="utf-8"?><html><body>fine</body></html>', "application/xhtml+xml", "fine"),
    (b"fine", "text/html; charset=zip", "fine"),
    (b"fine", "text/html; charset=no-such", "fine"),
    (b'{"a": "fine"}', "application/json", '"fine"'),
    (b"a\xe9\xff\xfe\xfdb", "text/html; charset=utf-8", "a"),
)


async def test_each_charset_is_read_right(monkeypatch: pytest.MonkeyPatch, parser: ParserHost) -> None:
    for body, kind, word in CHARSETS:
        assert word in (await fetch(monkeypatch, parser, body, kind)).text, (body, kind)


HOSTILE = {
    "a huge table": "<table>" + ("<tr>" + "<td>cell</td>" * 20 + "</tr>") * 8000 + "</table>",
    "deep": "<div>" * 200_000 + "bottom",
    "deep and closed": "<b>" * 100_000 + "bottom" + "</b>" * 100_000,
    "nothing but brackets": "<" * 1_000_000,
    "many attributes": "<p " + " ".join(f"a{n}='x'" for n in range(20_000)) + ">word</p>",
    "one long attribute": "<p style='" + "display:block;" * 200_000 + "'>word</p>",
    "many links": "".join(f"<a href='/{n}'>link {n}</a>" for n in range(50_000)),
    "a doctype of entities": "<!DOCTYPE html [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)) + "]><p>&j; word</p>",
    "a file of ours": "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><p>&x; word</p>",
    "nulls": "<p>a\0b</p>" * 1000,
    "half a page": "<html><body><p>word <a href=",
    "empty": "",
    "only programs": "<script>1</script>",
    "not closed": "<title>word" + "x" * 100_000,
    "many meta": "<meta charset=x>" * 50_000 + "word",
}  # fmt: skip


async def test_a_hostile_page_is_text_or_a_sentence(monkeypatch: pytest.MonkeyPatch, parser: ParserHost) -> None:
    for kind, page in HOSTILE.items():
        try:
            result = await fetch(monkeypatch, parser, page, links=True)
            assert "root:" not in result.text and "\0" not in result.text, kind
            assert len(result.data["links"]) <= 300, kind
        except UserError as error:
            assert error.failure.code in ("page_too_hard", "page_unreadable"), kind
    # It goes on with the next one.
    assert "Paragraph 3" in (await fetch(monkeypatch, parser, ARTICLE)).text


async def test_documents_are_read_as_pages_are(
    monkeypatch: pytest.MonkeyPatch, parser: ParserHost, tmp_path: Path
) -> None:
    letter, book = docx.Document(), openpyxl.Workbook()
    letter.add_paragraph("Die Miete beträgt 900")
    letter.save(str(tmp_path / "letter"))
    book.active.append(["rent", 900])
    book.create_sheet("Costs").append(["water", 30])
    book.save(tmp_path / "book")
    for body, kind, words in (
        (PDF, "application/pdf", ["[page 1]\nThe rent is 900"]),
        (PDF, "text/html", ["The rent is 900"]),
        ((tmp_path / "letter").read_bytes(), "application/octet-stream", ["Die Miete beträgt 900"]),
        ((tmp_path / "book").read_bytes(), "application/zip", ["rent | 900", "[sheet Costs]\nwater | 30"]),
    ):
        result = await fetch(monkeypatch, parser, body, kind)
        assert all(word in result.text for word in words), (kind, result.text)
        assert result.label == Label("untrusted", "private", (f"web:{result.data['url']}",))
        assert "[cut" not in result.text and result.receipts[0].kind == "web.read"


async def test_documents_that_cannot_be_read_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, parser: ParserHost, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b"\0" * (210 << 20))
    with zipfile.ZipFile(tmp_path / "photos", "w") as photos:
        photos.writestr("a.jpg", "x")
    for body, reason in (
        (PDF[:60], "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password"),
        ((tmp_path / "bomb").read_bytes(), "too large"),
        ((tmp_path / "photos").read_bytes(), "archive"),
    ):
        with pytest.raises(UserError) as caught:
            await fetch(monkeypatch, parser, body, "application/pdf")
        assert caught.value.failure.code == "document_unreadable" and reason in caught.value.failure.sentence
    with pytest.raises(UserError) as caught:
        await fetch(monkeypatch, parser, b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png")
    assert "image/png" in caught.value.failure.sentence


async def test_a_page_without_words_says_so(monkeypatch: pytest.MonkeyPatch, parser: ParserHost) -> None:
    assert "no text that can be read" in (await fetch(monkeypatch, parser, "<script>1</script>")).text


async def test_a_list_is_read_though_it_is_no_article(monkeypatch: pytest.MonkeyPatch, parser: ParserHost) -> None:
    page = "<ul>" + "".join(f"<li><a href='/{n}'>Headline {n}</a></li>" for n in range(30)) + "</ul>"
    text = (await fetch(monkeypatch, parser, page)).text
    assert all(f"Headline {n}" in text for n in range(30))


async def test_data_that_says_it_is_text_is_a_sentence(monkeypatch: pytest.MonkeyPatch, parser: ParserHost) -> None:
    with pytest.raises(UserError) as caught:
        await fetch(monkeypatch, parser, os.urandom(50) + b"\0" * 50, "text/plain")
    assert caught.value.failure.code == "page_unreadable"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=400) | st.text("<>/=\"'&;#!-divspanahrefscriptmeta \0\x01é", max_size=400).map(str.encode),
    st.sampled_from(["", "utf-8", "utf-16", "zip", "idna", "utf-7", "unicode_escape", "punycode", "x" * 50, "\0"]),
)
def test_no_bytes_are_more_than_an_error(content: bytes, charset: str) -> None:
    data = base64.b64encode(content).decode()
    for read, arguments in ((read_page, {"url": "https://a.example/"}), (HANDLERS["web.text"], {})):
        try:
            page = read(data, charset, **arguments)
            assert isinstance(page["text"], str)
        except CallFailed as error:
            assert error.code == "not_readable"


# --- the worker ---


async def call(parser: ParserHost, page: str = "<p>word</p>") -> str:
    data = base64.b64encode(page.encode()).decode()
    found = await parser.call("web.page", {"data": data, "charset": "", "url": "https://a.example/"})
    return str(found["text"])


async def test_the_parsers_start_with_the_first_page_and_end_when_idle() -> None:
    parser = ParserHost(idle_s=0)
    assert parser.pid is None
    assert await call(parser) == "word"
    await parser.idle()
    assert parser.pid is None
    assert await call(parser) == "word"  # and start again
    await parser.stop()
    assert parser.pid is None


async def test_parsers_that_died_start_again(parser: ParserHost) -> None:
    assert await call(parser) == "word"
    first = parser.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    for _ in range(2):
        try:
            assert await call(parser) == "word"
            break
        except CallFailed as failure:
            assert failure.code == "died"
    assert parser.pid not in (None, first)


async def test_the_reader_of_pages_can_open_no_file_and_no_socket(parser: ParserHost) -> None:
    """The jail is the tool worker's own: that of `worker parsers` is proved in the same way."""
    proof = await parser.prove()
    assert proof.level == 3, proof
