"""Every sentence that a person reads passes through `tr`, so that it can be translated.

Owns the gettext catalogue in `resources/translations`. Must not know who shows the text. Any thread.
"""

from __future__ import annotations

import gettext

from openclaw_desktop.core.resources import resource_path

_catalogue = gettext.translation("openclaw-desktop", localedir=str(resource_path("translations")), fallback=True)


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
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def without_controls(text: str) -> str:
    """Return `text` without control characters other than line feed and tab (carriage returns become line feeds)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        c for c in text if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000)
    )
