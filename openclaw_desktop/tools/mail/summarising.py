"""What a mail says in short: sentences of its own, chosen without a model.

Owns what of a mail is no news: quotes of earlier ones, greetings, signatures, footers. Must not know where it came
from. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.sentences import Passage, choose, split_sentences

READ_CHARS = 20_000
_QUOTED_FROM = re.compile(
    r"^(?:on .{5,150} wrote:|am .{5,150} schrieb .{0,100}:|le .{5,150} a écrit ?:|-{2,} ?original message ?-{2,}"
    r"|-{5,} ?forwarded message ?-{5,})\s*$",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"\b(?:unsubscribe|abmelden|privacy policy|view (?:this|it) in (?:your )?browser|all rights reserved"
    r"|you (?:are receiving|received) this (?:e-?mail|message)|manage (?:your )?preferences"
    r"|this (?:e-?mail|message) (?:is|and any) .{0,60}confidential)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|dear|hallo|liebe[rs]?|guten (?:tag|morgen)|good (?:morning|afternoon|evening)|best(?: regards)?"
    r"|kind regards|regards|thanks|many thanks|cheers|sincerely|viele grüße|mit freundlichen grüßen)\b"
    r"[^.!?]{0,40}[,.!]?$",
    re.IGNORECASE,
)


def summarise(text: str, label: Label, limit_tokens: int) -> str:
    """Return the sentences of a mail that say most within `limit_tokens`, in its order; "" where it says nothing."""
    news = _news(text[:READ_CHARS])
    sentences = split_sentences([Passage("", paragraph, label) for paragraph in news])
    chosen = choose(sentences, limit_tokens)
    return " ".join(" ".join(sentences[number].text.split()) for number in chosen)


def _news(text: str) -> list[str]:
    """Return the paragraphs of a mail's own text; lines that were only wrapped are one."""
    paragraphs: list[list[str]] = [[]]
    for raw in text.splitlines():
        line = raw.strip()
        if line in ("--", "—", "__") or _QUOTED_FROM.match(line):
            break
        if line.startswith(">") or _GREETING.match(line) or (len(line) < 400 and _FOOTER.search(line)):
            continue
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [" ".join(lines) for lines in paragraphs if lines]
