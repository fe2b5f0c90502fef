"""Who else speaks of what is to be erased: texts that quote it or share its rare words, and versions it replaced.

Owns when two texts speak of the same. They are offered, never erased unasked. Must not know how anything is erased.
Runs on the database's threads.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import apsw

from openclaw_desktop.memory.reach import Reach, rows_of
from openclaw_desktop.storage.database import fetch

# A word that stands in more memories than this tells nothing; in at most so few, it is enough by itself.
RARE, VERY_RARE = 30, 5
MOST_WORDS, MOST_UNKEPT = 12, 1000
# What is said in passing ("thank you") is no quote, and of a long text nobody repeats all.
LEAST_QUOTED_WORDS, MOST_QUOTED_WORDS, MOST_QUOTING = 3, 60, 1000
_WORD = re.compile(r"[^\W_]+")
_LEAST_CHARS = 4


@dataclass(frozen=True, slots=True)
class Mention:
    """A text that stays. `id`: of the memory, or of the turn where no memory was made of it; `why`: what it shares.

    That is words, or a whole text; `why` empty: it is an earlier or a later version.
    """

    id: str
    text: str
    created_at: str
    speaker: str
    why: tuple[str, ...]


def find_mentions(connection: apsw.Connection, reach: Reach) -> tuple[Mention, ...]:
    """Return texts beyond `reach` that speak of what was asked for, oldest first."""
    going = set(reach.memory_ids)
    texts = [text for (text,) in rows_of(connection, reach.asked, "m.text")]
    rare = _rare_words(connection, texts, going)
    found = {mention.id: mention for mention in _versions(connection, reach)}
    for mention in _quoting(connection, texts, going):
        found.setdefault(mention.id, mention)
    for word in rare:
        for id_, text, created_at, speaker in fetch(connection, _HOLDING, (_phrase(word), RARE + len(going))):
            shared = tuple(one for one in rare if one in _words(text))
            if id_ not in going and id_ not in found and _is_telling(shared, rare):
                found[id_] = Mention(id_, text, created_at, speaker, shared)
    for mention in _unkept(connection, reach, rare):
        found.setdefault(mention.id, mention)
    return tuple(sorted(found.values(), key=lambda mention: mention.created_at))


def _quoting(connection: apsw.Connection, texts: Collection[str], going: Collection[str]) -> list[Mention]:
    """Return memories that hold one of `texts` word for word, however common its words are."""
    found = []
    for text in texts:
        words = _WORD.findall(text)
        if LEAST_QUOTED_WORDS <= len(words) <= MOST_QUOTED_WORDS:
            holding = fetch(connection, _HOLDING, (_phrase(" ".join(words)), MOST_QUOTING + len(going)))
            found += [
                Mention(id_, held, at, speaker, (" ".join(words),))
                for id_, held, at, speaker in holding
                if id_ not in going
            ]
    return found


def _rare_words(connection: apsw.Connection, texts: Collection[str], going: Collection[str]) -> dict[str, int]:
    """Return words of `texts` that few other memories hold, rarest first, and how many hold them."""
    held: dict[str, int] = {}
    for word in dict.fromkeys(word for text in texts for word in _words(text)):
        if len(word) >= _LEAST_CHARS or any(character.isdigit() for character in word):
            holders = fetch(connection, _HOLDING, (_phrase(word), RARE + len(going) + 1))
            held[word] = sum(id_ not in going for id_, *_ in holders)
    rare = sorted((count, word) for word, count in held.items() if count <= RARE)
    return {word: count for count, word in rare[:MOST_WORDS]}


def _is_telling(shared: tuple[str, ...], rare: dict[str, int]) -> bool:
    """Two rare words make it likely that the same is meant; of one word it has to be a very rare one, or a number."""
    if len(shared) > 1:
        return True
    return bool(shared) and (rare[shared[0]] <= VERY_RARE or any(character.isdigit() for character in shared[0]))


def _versions(connection: apsw.Connection, reach: Reach) -> list[Mention]:
    """Return what the asked ones had replaced, and what replaced them."""
    sql = "select o.id, o.text, o.created_at, o.speaker from memories o where o.superseded_by = ? or o.rowid = ?"
    rows = [
        row
        for rowid, successor in rows_of(connection, reach.asked, "m.rowid, m.superseded_by")
        for row in fetch(connection, sql, (rowid, successor))
    ]
    going = set(reach.memory_ids)
    return [Mention(id_, text, at, speaker, ()) for id_, text, at, speaker in rows if id_ not in going]


def _unkept(connection: apsw.Connection, reach: Reach, rare: dict[str, int]) -> list[Mention]:
    """Return messages that no memory was made of: of chats before every turn was kept."""
    if not rare:
        return []
    likes = " or ".join("text like ?" for _ in rare)
    sql = f"""select turn_id, text, created_at, role from messages m where ({likes})
        and not exists (select 1 from memories where turn_id = m.turn_id) limit {MOST_UNKEPT}"""
    rows = fetch(connection, sql, tuple(f"%{word}%" for word in rare))
    going = {*reach.turns, *reach.answers}
    found = [
        Mention(turn, text, at, role, tuple(word for word in rare if word in _words(text)))
        for turn, text, at, role in rows
        if turn not in going
    ]
    return [mention for mention in found if _is_telling(mention.why, rare)]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))


def _phrase(word: str) -> str:
    return f'text : "{word}"'


_HOLDING = """select m.id, m.text, m.created_at, m.speaker from memories_fts f join memories m on m.rowid = f.rowid
    where memories_fts match ? limit ?"""
