"""Markdown from a model can neither load nor hide anything."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QTextDocument

from openclaw_desktop.ui.markdown import fill_document, is_safe_link, keep_line_breaks
from openclaw_desktop.ui.pane import TextPane
from openclaw_desktop.ui.theme import LIGHT


def show(qapp, text: str) -> str:
    document = QTextDocument()
    fill_document(document, text, LIGHT)
    return document.toPlainText()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a **b** `c`", "a b c"),
        ("one\ntwo", "one\u2028two"),
        ("<b>x</b><script>y</script>", "<b>x</b><script>y</script>"),
        ("![x](http://evil/a.png) after", "[image not loaded: http://evil/a.png] after"),
        ("[bank](https://evil.example/x) and", "bank (evil.example) and"),
        ("[https://bank.example](https://evil.example/x)", "https://bank.example (evil.example)"),
        ("[run](file:///etc/passwd)", "run (file:///etc/passwd)"),
        ("[run](javascript:alert(1))", "run (javascript:alert(1))"),
        ("https://example.org/page", "https://example.org/page"),
        ("a\x00b\x1bc\ud800", "abc"),
    ],
)
def test_shown_text(qapp, text: str, shown: str) -> None:
    assert show(qapp, text).replace("\u2028", "\n") == shown.replace("\u2028", "\n")


def test_text_like_front_matter_is_not_hidden(qapp) -> None:
    assert "secret: 1" in show(qapp, "---\nsecret: 1\n---\nrest")


def test_several_links_and_pictures_in_one_block(qapp) -> None:
    shown = show(qapp, "[a](https://one.example) ![p](file:///p.png) [b](https://two.example) end")
    assert shown == "a (one.example) [image not loaded: file:///p.png] b (two.example) end"


def test_code_keeps_its_lines() -> None:
    assert keep_line_breaks("```\na\nb\n```") == "```\na\nb\n```"


@pytest.mark.parametrize(
    ("url", "safe"),
    [("https://a.example", True), ("http://a.example/x?y", True), ("file:///etc/passwd", False), ("mailto:a@b", False),
     ("javascript:x", False), ("https:", False), ("", False)],
)  # fmt: skip
def test_only_web_links_open(qtbot, monkeypatch, url: str, safe: bool) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    pane = TextPane()
    qtbot.addWidget(pane)
    assert is_safe_link(QUrl(url)) is safe
    pane.anchorClicked.emit(QUrl(url))
    assert opened == ([url] if safe else [])


def test_no_picture_is_ever_read(qtbot, tmp_path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"not read")
    pane = TextPane()
    qtbot.addWidget(pane)
    pane.show_markdown(f"![x]({QUrl.fromLocalFile(str(picture)).toString()})")
    assert pane.loadResource(2, QUrl.fromLocalFile(str(picture))) is None
    assert "image not loaded" in pane.toPlainText()
