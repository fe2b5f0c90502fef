"""The answer never claims an action that no receipt shows.

Owns the words that claim an action and the filter that an answer streams through. Must not know tools. Pure.

Text streams on at once until a word appears that a claim could start with; from there the sentence is held until its
end. A sentence that claims an action without a receipt is replaced by one that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from openclaw_desktop.core.messages import Receipt
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.text import tr

# What proves which verbs: kinds of receipts, then `verb/done form`, in as many lines as it takes. The verbs after "-"
# are claims too, whatever proves them; some no tool here can do.
_ACTIONS = """
memory.saved: save/saved remember/remembered note/noted store/stored record/recorded keep/kept add/added
memory.saved: memorize/memorized memorise/memorised
file.read mail.read: read/read review/reviewed
folder.listed mail.listed: list/listed
file.read folder.listed: open/opened access/accessed
file.read folder.listed memory.searched mail.listed mail.read: check/checked look/looked
memory.searched folder.listed mail.listed: search/searched
mail.sent: send/sent email/emailed
memory.erased: delete/deleted remove/removed forget/forgotten forget/forgot erase/erased
note.added note.edited todo.added file.written mail.drafted: save/saved store/stored keep/kept add/added
note.added note.edited file.written mail.drafted: write/written write/wrote create/created
note.added note.edited todo.added habit.marked: note/noted record/recorded
note.edited file.written calendar.moved: update/updated change/changed
note.removed todo.removed habit.removed calendar.deleted file.trashed: delete/deleted remove/removed
calendar.added: add/added create/created schedule/scheduled set/set
calendar.deleted: cancel/cancelled cancel/canceled
calendar.moved file.moved: move/moved
file.moved: rename/renamed
folder.made todo.added habit.started: create/created
habit.started: start/started add/added
habit.marked: log/logged
todo.done: check/checked
undone: move/moved remove/removed change/changed
clipboard.written: copy/copied
command.run skill.script_run: run/run run/ran execute/executed start/started
address.opened file.opened web.read: open/opened
web.read: fetch/fetched browse/browsed access/accessed
web.read git.read calendar.read clipboard.read skill.read: read/read
web.read git.read calendar.read clipboard.read skill.read system.read: check/checked look/looked
web.searched files.found: search/searched check/checked look/looked
calendar.read todos.listed notes.listed habits.listed skills.listed windows.listed: list/listed
todos.listed notes.listed habits.listed skills.listed windows.listed: check/checked look/looked
-: create/created
-: schedule/scheduled write/written write/wrote update/updated change/changed set/set move/moved rename/renamed
-: copy/copied download/downloaded install/installed run/run run/ran execute/executed book/booked order/ordered
-: buy/bought pay/paid call/called remind/reminded notify/notified start/started stop/stopped cancel/cancelled
-: cancel/canceled post/posted upload/uploaded fetch/fetched browse/browsed log/logged
"""


def _read_actions(table: str) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
    """Return the receipts that prove a verb, and the verb of each done form."""
    proofs: dict[str, frozenset[str]] = {}
    verb_of: dict[str, str] = {}
    for line in table.strip().splitlines():
        kinds, verbs = line.split(": ")
        for pair in verbs.split():
            verb, form = pair.split("/")
            proofs[verb] = proofs.get(verb, frozenset()) | (frozenset(kinds.split()) - {"-"})
            verb_of[form] = verb
    return proofs, verb_of


_PROOFS, _VERB_OF = _read_actions(_ACTIONS)
_DONE = "|".join(sorted(_VERB_OF, key=len, reverse=True))
_BARE = "|".join(sorted(_PROOFS, key=len, reverse=True))
_TELLING = frozenset(
    (
        "file.read", "folder.listed", "mail.read", "mail.listed", "web.read", "web.searched", "calendar.read",
        "git.read", "mcp.called",
    )
)  # fmt: skip
_ADVERB = r"(?:\s+(?:just|now|already|also|successfully|gone ahead and|been|all))*"
_THINGS = (
    "it|that|this|everything|notes?|reminders?|facts?|memory|information|messages?|e-?mails?|files?|folders?|events?"
    "|appointments?|tasks?|jobs?|alarms?|timers?|meetings?|birthday|dates?|requests?|documents?|settings?"
)
_CLAIMS = LazyPattern(
    "|".join(
        [
            # "I've saved", "I have just read", "we saved"
            rf"\b(?:i|we)(?:['’]ve|\s+have|\s+had)?{_ADVERB}\s+(?P<past>{_DONE})\b",
            # "I'll remember that", "I am going to remind you"
            rf"\b(?:i|we)(?:['’]ll|\s+will|(?:['’]m|\s+am)\s+going\s+to){_ADVERB}\s+(?P<future>{_BARE})\b",
            # "Your note has been saved", "the reminder is now set"; not "the tower was opened in 1889"
            rf"\b(?:{_THINGS})\b[^.!?\n]{{0,40}}(?:\bha(?:s|ve)\s+been|['’]s\s+been|\b(?:is|are)\s+now)\s+(?P<passive>{_DONE})\b",
            # "Saved!", "Noted: ...", "Done."
            rf"^\W*(?:ok(?:ay)?|sure|alright|great|got it)?\W*(?P<bare>{_DONE}|done)\b"
            r"(?=\s*[.!:,]|\s+(?:it|that|this|your|the)\b)",
        ]
    ),
    re.IGNORECASE,
)
# A question or a condition claims nothing: "Have I saved it?", "if it was saved".
_NO_CLAIM = LazyPattern(
    r"\?\s*$|\b(?:if|whether|when|once|not|n['’]t|never|unless|can|could|would|should|cannot)\b", re.IGNORECASE
)
_MARKERS = LazyPattern(
    rf"\b(?:i|we|it['’]s been|has|have|is now|are now|done|ok|okay|sure|alright|great|got|{_DONE})\b", re.IGNORECASE
)
# The first words of all markers, to be compared with a word that is not whole yet.
_MARKER_WORDS = {
    "i",
    "we",
    "it",
    "has",
    "have",
    "is",
    "are",
    "done",
    "ok",
    "okay",
    "sure",
    "alright",
    "great",
    "got",
} | {form.split()[0] for form in _VERB_OF}
_SENTENCE_END = LazyPattern(r"(?<=[.!?])\s+|\n+")
_LAST_WORD = LazyPattern(r"\b\w+$")


def unproven(sentence: str, receipts: Iterable[Receipt]) -> bool:
    """Return True where `sentence` claims an action of the agent that none of `receipts` shows.

    Where a text was read, a passive sentence may tell what it says ("the meeting has been cancelled"): no claim.
    """
    if _NO_CLAIM.search(sentence):
        return False
    kinds = {receipt.kind for receipt in receipts}
    for claim in _CLAIMS.finditer(sentence):
        if claim["passive"] and not kinds.isdisjoint(_TELLING):
            continue
        word = next(group for group in claim.groups() if group).lower()
        proofs = kinds if word == "done" else _PROOFS[_VERB_OF.get(word, word)]
        if kinds.isdisjoint(proofs):
            return True
    return False


def _may_become_marker(word: str) -> bool:
    return any(marker.startswith(word.lower()) for marker in _MARKER_WORDS)


class ClaimFilter:
    """Lets an answer through, sentence by sentence where it must, without unproven claims."""

    def __init__(self, receipts: Iterable[Receipt]) -> None:
        self._receipts = tuple(receipts)
        self._sentence = ""
        self._shown = 0
        self._said_so = False

    def feed(self, text: str) -> str:
        """Add `text` and return what may be shown now."""
        out = []
        self._sentence += text
        while (end := _SENTENCE_END.search(self._sentence)) is not None:
            sentence, rest = self._sentence[: end.end()], self._sentence[end.end() :]
            out.append(self._finish(sentence))
            self._sentence, self._shown = rest, 0
        out.append(self._early())
        return "".join(out)

    def close(self) -> str:
        """Return what is left at the end of the answer."""
        rest = self._finish(self._sentence)
        self._sentence, self._shown = "", 0
        return rest

    def _early(self) -> str:
        """Return the part of the unfinished sentence in which no claim can have begun."""
        marker = _MARKERS.search(self._sentence)
        last_word = _LAST_WORD.search(self._sentence)
        # The last word may still grow into a marker: "sa" into "saved".
        growing = last_word is not None and _may_become_marker(last_word[0])
        limit = min(
            marker.start() if marker else len(self._sentence),
            last_word.start() if last_word and growing else len(self._sentence),
        )
        out = self._sentence[self._shown : limit] if limit > self._shown else ""
        self._shown = max(self._shown, limit)
        return out

    def _finish(self, sentence: str) -> str:
        if not unproven(sentence, self._receipts):
            return sentence[self._shown :]
        tail = sentence[len(sentence.rstrip()) :]
        if self._said_so:
            return "…" + tail if self._shown else ""
        self._said_so = True
        if self._receipts:
            # Something was done, but not this, or nothing that proves it: a server of MCP gives no other receipt.
            return tr("(What was done stands in the receipts; this is not among them.)") + tail
        return tr("(I took no such action: nothing was done.)") + tail
