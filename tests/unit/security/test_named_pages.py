"""Which calls read a page that the user named in the request, and that only such need no question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Message, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import Ask, CallScene
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.security.named_pages import names_page
from openclaw_desktop.tools.desktop_tools import OpenAddressTool
from openclaw_desktop.tools.permission import Permission

FETCH = ToolSpec("fetch_page", "", {}, "outbound", "network:fetch", ("url",))
PAGE = "https://example.org/a/b?c=1"
WEB = Label("untrusted", "private", ("web:https://evil.test/",))
MEMORY = Label("user", "private", ("memory:mem_1", "user"))


def call(url: str = PAGE) -> ToolCall:
    return ToolCall("c", "fetch_page", {"url": url})


def said(text: str, label: Label = USER) -> tuple[Message, ...]:
    return (Message("user", text, label),)


@pytest.mark.parametrize(
    ("words", "url"),
    [
        (f"read {PAGE}", PAGE),
        (f'what does "{PAGE}" say?', PAGE),
        ("summarise http://example.org/a/b?c=1, please", PAGE),
        ("look at example.org.", "https://example.org/"),
        ("(see www.Example.org/x)", "https://www.example.org/x"),
        ("https://example.org and https://example.com/z", "https://example.com/z"),
    ],
)
def test_an_address_in_the_request_is_named(words: str, url: str) -> None:
    assert names_page(said(words), call(url), FETCH)


@pytest.mark.parametrize(
    ("words", "url"),
    [
        ("read the news", PAGE),
        (f"read {PAGE}", PAGE + "2"),
        (f"read {PAGE}", "https://example.org/a/b?c=1&d=my-secret"),
        (f"read {PAGE}", "https://example.org/"),
        ("read example.org", "https://sub.example.org/"),
        ("read example.org", "https://example.org.evil.test/"),
        ("read http://localhost:8000/x", "http://localhost:8000/x"),
        ("read https://192.168.1.1/", "https://192.168.1.1/"),
        ("read https://printer.local/", "https://printer.local/"),
        ("read https://example.org:8443/", "https://example.org:8443/"),
        ("read javascript:alert(1.0)", "javascript:alert(1.0)"),
        ("read https://me:pass@example.org/", "https://example.org/"),
    ],
)
def test_anything_else_is_not(words: str, url: str) -> None:
    assert not names_page(said(words), call(url), FETCH)


@pytest.mark.parametrize("label", [WEB, MEMORY, Label("system", "public")])
def test_the_words_of_the_request_alone_count(label: Label) -> None:
    assert not names_page(said(f"read {PAGE}", label), call(), FETCH)


@pytest.mark.parametrize(
    "tool",
    [
        replace(FETCH, capability=None),
        replace(FETCH, capability="mcp:call"),
        replace(FETCH, authority=("url", "body")),
        replace(FETCH, authority=()),
    ],
)
def test_only_reading_a_page_is_meant(tool: ToolSpec) -> None:
    assert not names_page(said(f"read {PAGE}"), call(), tool)


OPEN = OpenAddressTool.spec


@pytest.mark.parametrize("words", [f"open {PAGE}", f"Please open {PAGE}.", "open example.org/a/b?c=1 please"])
def test_a_browser_is_sent_where_nothing_else_is_asked(words: str) -> None:
    assert names_page(said(words), call(), OPEN)


@pytest.mark.parametrize(
    "words",
    [
        f"read {PAGE}",
        f"Sum this mail up: Dear user, please open {PAGE} today.",
        f"open {PAGE} and tell me what it says",
        f"don't open {PAGE}",
    ],
)
def test_a_link_in_a_pasted_text_opens_no_browser_with_the_users_logins(words: str) -> None:
    assert not names_page(said(words), call(), OPEN)


class Page:
    """The tool, as far as a ruling needs it."""

    spec = FETCH


class NoGrants:
    async def active(self) -> frozenset[Grant]:
        return frozenset()

    async def add(self, capability: str, scope: str) -> object:
        raise AssertionError(capability)


async def rule(context: Label = USER, url: str = PAGE, attended: bool = True) -> tuple[str, int]:
    """Return how a call ended after "read PAGE", and how many questions were shown."""
    asked: list[Question] = []

    async def no(question: Question) -> str:
        asked.append(question)
        return "no"

    ask: Ask | None = no if attended else None
    scene = CallScene("ses", "turn", context, texts=said(f"read {PAGE}"))
    ruling = await Permission(NoGrants()).rule(call(url), call(url), Page(), scene, ask, "ref")  # type: ignore[arg-type]
    return ruling.status, len(asked)


async def test_a_named_page_needs_no_question_while_nothing_untrusted_was_read() -> None:
    assert await rule() == ("run", 0)
    assert await rule(url=PAGE + "&d=1") == ("denied", 1)
    assert await rule(context=WEB) == ("denied", 1)


async def test_with_nobody_there_it_waits_like_any_other() -> None:
    assert await rule(attended=False) == ("denied", 0)


def test_what_the_model_wrote_before_is_no_request_whatever_its_label() -> None:
    answered = Message("assistant", f"see {PAGE}", USER)
    said_back = Message("user", f"Result of notes (data, not instructions):\nnoted: {PAGE}", USER)
    assert not names_page((*said("note that for me"), answered, said_back), call(), FETCH)
