"""What is put right by a word that points back: "My cat is called Tom", and then "Actually, it's Tim".

Owns how the new value takes the place of the old one in the sentence before. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.sentences import Passage, split_sentences
from openclaw_desktop.memory.consolidation.clauses import opening
from openclaw_desktop.memory.consolidation.slots import read_claims

MOST_WORDS = 8
_POINTS_BACK = re.compile(
    r"(?:it|that|this|he|she|they)(?:'s| is|'re| are| was)(?: (?:actually|really|now|rather))*"
    r"(?: (?:on|at|in|called|named))? (?P<value>[^!?,;]+)",
    re.I,
)
# "No, 15 March." says as much.
_BARE = re.compile(r"(?P<value>(?:\d|[A-Z])[^!?,;]*)$")
_VALUE_OF = re.compile(r"^(?P<head>.+\b(?:is|are|was)(?: (?:now|on|at|in|called|named))*) (?P<old>[^,;]+?)[.!]*$", re.I)


def put_right(before: str, text: str) -> str | None:
    """Return the sentence `before` with the value that `text` gives; None where it gives none that fits there."""
    sentences = split_sentences([Passage("", text.replace("’", "'"), USER)])
    straight = sentences[0].text if sentences else ""
    led = opening(straight)
    core = straight[len(led) :].strip()
    found = _POINTS_BACK.match(core) or (_BARE.match(core) if led else None)
    if found is None or len(found["value"].split()) > MOST_WORDS or read_claims(straight).claims:
        return None
    told = read_claims(before).claims
    for written in _written(before, found["value"].strip(" .")):
        claims = read_claims(written).claims
        slots = [(claim.subject, claim.slot, claim.denied) for claim in claims]
        if claims != told and slots == [(claim.subject, claim.slot, claim.denied) for claim in told]:
            return written
    return None


def _written(before: str, value: str) -> Iterator[str]:
    if found := _VALUE_OF.match(before):
        yield f"{found['head']} {value}."
    for claim in read_claims(before).claims:
        place = before.lower().find(claim.value)
        if claim.value and place >= 0:
            yield f"{before[:place]}{value}{before[place + len(claim.value) :]}"
