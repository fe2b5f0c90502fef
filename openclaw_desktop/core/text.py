"""Every sentence that a person reads passes through `tr`, so that it can be translated.

Owns the gettext catalogue in `resources/translations`. Must not know who shows the text. Any thread.
"""

from __future__ import annotations

import gettext
import re

from openclaw_desktop.core.resources import resource_path

_catalogue = gettext.translation("openclaw-desktop", localedir=str(resource_path("translations")), fallback=True)
# Characters are not looked at one by one in Python: pages and pasted files are long.
_LINE_PARTS = re.compile(r"[^\n\t]+")
_RETURN = re.compile(r"\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")


def tr(sentence: str, /, **values: object) -> str:
    """Return `sentence` in the user's language with `{names}` filled in.

    `sentence` is always a literal at the call: a test collects them for translators.
    """
    text = _catalogue.gettext(sentence)
    return text.format(**values) if values else text


def visible(text: str) -> str:
    r"""Return `text` with control, bidi and zero-width characters shown as `\u....` so that nothing in it can hide.

    Line feeds and tabs are shown too: a path or an argument has no business holding one.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def visible_lines(text: str) -> str:
    """Return `text` as `visible` does, but with its line feeds and tabs: for a text that is shown as it was written."""
    return _LINE_PARTS.sub(lambda part: visible(part[0]), text)


def without_controls(text: str) -> str:
    """Return `text` without control characters other than line feed and tab (carriage returns become line feeds)."""
    return _CONTROLS.sub("", _RETURN.sub("\n", text))
