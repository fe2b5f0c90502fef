"""Notes in Markdown: which are entries, and that what is written reads back."""

import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.text import without_controls
from openclaw_desktop.memory.transfer.markdown import is_silent, notes_in, quoted, unquoted, write_note

NOTES = """---
title: mine
---
# Long-term memory

An opening
in two lines.

## People ##
- Anna is my sister
  - lives in Porto

  born in May
* Bo
+ Cy said so,
lazily
- **Name:**
- __Pronouns__:
- **Never** on Fridays
-
1. one
   1. half
2) two

<!-- not
this -->
### Friends
NO_REPLY
Dora (<!-- nor this -->kept)
## Empty
***
Trips
=====
> Lisbon in March
> by train
```
code is no memory
- nor this
~~~
```
HEARTBEAT_OK

| who | when |
|-----|:----:|
| Eva | May  |
- `HEARTBEAT_OK`

* outer
\t* inner
<!-- never closed
"""


def test_items_and_paragraphs_are_entries_below_their_headings() -> None:
    assert [(note.headings, note.text) for note in notes_in(NOTES)] == [
        ((), "An opening\nin two lines."),
        (("People",), "Anna is my sister\n- lives in Porto\n\nborn in May"),
        (("People",), "Bo"),
        (("People",), "Cy said so,\nlazily"),
        (("People",), "**Never** on Fridays"),
        (("People",), "one\n1. half"),
        (("People",), "two"),
        (("People", "Friends"), "Dora (kept)"),
        (("Trips",), "Lisbon in March\nby train"),
        (("Trips",), "| who | when |\n| Eva | May  |"),
        (("Trips",), "outer\n  * inner\n<!-- never closed"),
    ]


def test_lines_are_named_as_an_editor_does() -> None:
    assert [note.line for note in notes_in("# T\n\n- a\n\nb\n")] == [3, 5]


HARD = ["# no heading", "- - x", "- -", "--", "a\n\n\n  b", "```\ncode\n```", "<!-- x -->", "a <!-- untrusted: b -->",
        "<\\!-- x", "<\\\\!--", "1. one", "> quoted", "a\n- b\n\t- c", "**Name:**", "🙂", "a\n---", "a\n===", "---",
        "x\n\u2003\ny", "a\\", "| a |\n|---|", "a\n   \nb", "+", "é\u202e\u200b"]  # fmt: skip


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("marks", [{}, {"at": "2026-11-24T10:00:00.000+00:00", "untrusted": ""}])
def test_hard_texts_read_back_the_same(text: str, marks: dict[str, str]) -> None:
    read = list(notes_in(f"# T\n\n{write_note(text, marks)}{write_note('after', {})}"))
    assert [note.text for note in read] == [text, "after"]
    assert {name: value for name, value in read[0].marks.items() if name != "kept"} == marks


PIECES = st.sampled_from(["\n", "\n\n", "  ", "\t", "- ", "# ", "```", "<!--", "-->", "\\", "*", "_", "1. ", "> ", "|",
                          "---", "===", "at: x", "untrusted", "NO_REPLY", "é", "\u2028", "\x85", "a"])  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join)


@settings(max_examples=count("Notes written as Markdown and read back", 5_000), deadline=None)
@given(st.lists(st.tuples(TEXTS, st.text(max_size=8), st.booleans()), max_size=4))
def test_whatever_is_written_reads_back_the_same(entries: list[tuple[str, str, bool]]) -> None:
    written, expected = "# MEMORY\n\n", []
    for raw, raw_origin, untrusted in entries:
        text = without_controls(raw).strip()
        origin = without_controls(raw_origin)
        if text and not is_silent(text):
            expected.append((text, (origin,) if untrusted and origin else (), untrusted))
        written += write_note(text, {"untrusted": quoted(origin)} if untrusted else {}) if text else ""
    read = [(n.text, unquoted(n.marks.get("untrusted", "")), "untrusted" in n.marks) for n in notes_in(written)]
    assert read == expected


@settings(max_examples=count("Texts read as Markdown notes", 5_000), deadline=None)
@given(TEXTS)
def test_any_text_can_be_read(text: str) -> None:
    for note in notes_in(text):
        assert note.text.strip() == note.text != ""


@pytest.mark.parametrize(
    "line", ["<!--\n", "<!--", "-->", "#", "# ", " #", "\t", "- ", "-", "|-", " |", "```\n", "> ", "<\\", "**",
             "a\n#\n", "<!-- at ", "- <!--\n"]
)  # fmt: skip
def test_long_texts_made_to_be_slow_are_read_to_their_end(line: str) -> None:
    # Each of these would take hours if any step looked at the rest of the text once a line or a character.
    sum(len(note.text) for note in notes_in(line * 300_000))
    sum(len(note.text) for note in notes_in("- a\n" + line * 300_000 + "x\n-->\n"))
