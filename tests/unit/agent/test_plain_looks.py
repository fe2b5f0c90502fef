"""Which questions are about one page or file that must be read before a model answers."""

import pytest

from openclaw_desktop.agent.plain_looks import find_look

PAGE = ("fetch_page", {"url": "https://news.example/story?id=3"})
FILE = ("read_file", {"path": "~/papers/lease.pdf"})


@pytest.mark.parametrize(
    ("text", "look"),
    [
        ("Summarise https://news.example/story?id=3", PAGE),
        ("summarize https://news.example/story?id=3.", PAGE),
        ("What does https://news.example/story?id=3 say about rents?", PAGE),
        ("give me the key points of (https://news.example/story?id=3)", PAGE),
        ("tl;dr https://news.example/story?id=3", PAGE),
        ("Sum up ~/papers/lease.pdf", FILE),
        ("what is ~/papers/lease.pdf about?", FILE),
        ("According to ~/papers/lease.pdf, when does the lease end?", FILE),
        ("When does the lease end in ~/papers/lease.pdf?", FILE),
        ("translate notes.txt into French", ("read_file", {"path": "notes.txt"})),
        # Two things, or none: which of them is left to a model.
        ("Summarise https://a.example/1 and https://a.example/2", None),
        ("Summarise our chat", None),
        ("summarise ~/papers", None),
        ("compare a.txt and b.txt, which one is about rents?", None),
        # What is to be made or sent, or is only spoken of.
        ("Write a summary of the meeting to ~/notes/summary.md", None),
        ("send the gist of ~/papers/lease.pdf to Ana", None),
        ("https://news.example/story?id=3 is a good page", None),
        ("I saved it in ~/papers/lease.pdf", None),
        ("open https://news.example/story?id=3", None),
    ],
)
def test_what_is_read_first(text: str, look: tuple[str, dict[str, str]] | None) -> None:
    assert find_look(text) == look
