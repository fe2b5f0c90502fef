"""What of everyday life ends what: homes and jobs are in `test_slots`; and how little is read anew to find that out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openclaw_desktop.memory.consolidation import facts
from openclaw_desktop.memory.consolidation.claims import Claim
from openclaw_desktop.memory.consolidation.matters import words_asked_by
from openclaw_desktop.memory.consolidation.slots import (
    LONGEST_READ,
    Reading,
    Rival,
    contradicts,
    read_claims,
    rivals,
)
from openclaw_desktop.memory.consolidation.statements import find_statements
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

ENDS = [
    ("I changed jobs: I'm at Ericsson now", "I work at Acme"),
    ("My new job is at Ericsson", "I work at Acme"),
    ("My new address is in Bergen", "I live in Porto"),
    ("My new car is a Tesla", "My car is a 2016 Skoda Octavia"),
    ("I gave up coffee", "I drink coffee"),
    ("I've cut out sugar", "I eat sugar"),
    ("I gave up cigarettes", "I smoke"),
    ("Karin is my boss now", "My boss is called Henrik"),
    ("I report to Karin now", "My boss is Henrik"),
    ("I switched dentists, now it's Dr. Patel", "My dentist is Dr. Weber"),
    ("I changed my dentist to Dr. Patel", "My dentist is Dr. Weber"),
    ("My dentist appointment was moved to 14 December at 9", "I have a dentist appointment on 12 December at 10"),
    ("I turned 35 today", "I'm 34"),
    ("My rent went up to 1010 euros", "I pay 950 euros rent"),
    ("The rent is 1010 euros now", "My rent is 950 euros"),
    ("I renewed my passport, it expires in 2036", "My passport expires in May 2027"),
    ("My passport expires in 2036", "My passport expires in May 2027"),
    ("Falcon's deadline was pushed to 10 May", "The deadline of Falcon is 3 May"),
    ("Marco returned my drill", "I lent my drill to Marco"),
    ("Ben gave me my ladder back yesterday", "Ben still has my ladder"),
    ("I got the tent back from my sister Anna", "We lent the tent to Anna for the summer"),
    ("I lent my drill to Eva", "I lent Marco my drill last week"),
    ("I stopped playing tennis with Ana", "I play tennis with Ana"),
    ("I no longer play tennis", "I play tennis with Ana"),
    ("My locker number has changed, it's 203 now.", "My locker number is 214"),
    ("My new chassis number is 197412, the old one doesn't work any more.", "Chassis number: 233199."),
    (
        "My new loyalty card number at the bakery is 804059",
        "My loyalty card number at the bakery is 530403, in case I need it.",
    ),
    ("My shift begins at 9:25 now.", "My shift begins at 7:15."),
    ("My boss's assistant Oriel is an accountant now, what a change.", "Oriel has a job as a journalist."),
    ("I don't have a dog any more.", "I have a dog called Rex."),
    ("I don't have a dog any more.", "My dog is called Rex."),
    ("My cat Tom died", "My cat is called Tom"),
    ("My cat ran away", "I have a cat"),
    ("Ana and I got divorced.", "I'm married to Ana."),
    ("I'm divorced.", "My wife is called Ana"),
    ("I'm single now.", "I'm married to Ana."),
    ("I'm single now", "My girlfriend is called Ana"),
    ("I am no longer married.", "I'm married to Ana."),
    ("I'm married to Tom", "I'm single"),
    ("Ana and I broke up", "I'm engaged"),
    ("I broke up with Ana", "I'm engaged to Ana"),
    ("It turns out I'm not allergic to peanuts.", "I'm allergic to peanuts."),
    ("I'm not allergic to peanuts any more.", "I'm allergic to peanuts."),
    ("I'm no longer at IBM.", "I work at IBM."),
    ("I was fired from IBM.", "I work at IBM."),
    ("I was laid off by IBM.", "I work at IBM."),
    ("My mom moved to Rome", "My mother lives in Milan"),
    ("My dad's birthday is on 4 May", "My father's birthday is on 3 May"),
    ("My new number is 555 0200", "My phone number is 555 0100"),
    ("I have a new phone number: 555 0200", "My phone number is 555 0100"),
    ("The wifi password changed to hunter3", "The wifi password is hunter2"),
    ("The wifi password was changed to hunter3", "My wifi password is hunter2"),
    ("My email changed to a@b.org", "My email is c@d.org"),
    ("My favourite colour changed to blue", "My favourite colour is green"),
    ("My dentist appointment was moved to 5 December at 9.", "My dentist appointment is on 3 December at 10."),
    ("My dentist appointment was moved to 5 December", "I have an appointment with the dentist on 3 December"),
    ("The dentist appointment has been postponed to Friday at 9", "My dentist appointment is on 3 December at 10."),
    ("The job interview was moved to 5 December", "My job interview is on 3 December"),
    ("The deadline for the Falcon report has moved to 10 December", "The deadline for the Falcon report is 1 December"),
    ("My tax return is due on 10 May", "The deadline for my tax return is 1 May"),
    ("My son is 5 years old", "My son is 4 years old"),
    ("My daughter just turned 7", "My daughter is 6"),
    ("I can't swim", "I can swim"),
    ("I learned to swim", "I can't swim"),
    ("I can no longer drive a lorry", "I can drive a lorry"),
    ("I have three kids now", "I have two kids"),
    ("I have 3 children", "I have two kids"),
    ("I have no cats", "I have two cats"),
    ("I weigh 75 kg now", "I weigh 80 kg"),
    ("I weigh 75 kilos now", "My weight is 80 kg"),
    ("My boss Anna moved to Rome", "Anna lives in Porto"),
    ("Anna moved to Rome", "My boss Anna lives in Porto"),
    ("I'm vegan now", "I eat meat"),
    ("I'm vegan", "I eat cheese"),
    ("My boss is Ruth now", "My boss is Tom"),
    ("I hate tea", "I like tea"),
]


@pytest.mark.parametrize(("new", "old"), ENDS)
def test_what_is_so_no_more_ends(new: str, old: str) -> None:
    assert contradicts(read_claims(new), read_claims(old))
    assert find_statements(new) and find_statements(old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("I'm at Ericsson now", "I work at Acme"),
        ("I have an exam on 5 May", "I have an exam on 3 May"),
        ("I have a new exam on 5 May", "I have an exam on 3 May"),
        ("I gave up coffee for a week", "I drink coffee"),
        ("I gave up the keys", "I drink coffee"),
        ("Karin is my sister", "My boss is Henrik"),
        ("Ben reports to Karin", "My boss is Henrik"),
        ("My driving licence expires in 2036", "My passport expires in May 2027"),
        ("Eva returned my drill", "I lent my drill to Marco"),
        ("The drill is in the shed", "I lent my drill to Marco"),
        ("I haven't lent my drill to Marco", "I lent my drill to Marco"),
        ("My boss Anna lives in Rome.", "Anna lives in Porto."),
        ("My new cat is called Jerry", "My dog is called Rex"),
        ("I have a cat called Tom", "I have a cat called Jerry"),
        ("I have two cars", "I have two kids"),
        ("I have three kids, and Tom is the oldest", "I have two kids called Ana and Tom"),
        ("I have a son called Tom", "I have two kids"),
        ("I can swim", "I can't dance"),
        ("I can't drive at night", "I can drive"),
        ("My older son is 5", "My younger son is 4"),
        ("My son is 9", "My son is 4"),
        ("My doctor appointment was moved to 5 December", "My dentist appointment is on 3 December"),
        ("My dentist appointment is on 5 December", "My dentist appointment is on 3 December"),
        ("The Falcon report is due on 10 December", "The Falcon launch is due on 1 December"),
        ("I don't have a dog", "My mother has a dog called Rex"),
        ("I'm divorced", "My girlfriend is called Ana"),
        ("I'm married", "My wife is called Ana"),
        ("My new number is 5", "My house number is 4"),
        ("My work number is 55502", "My phone number is 55501"),
        ("I'm not allergic to peanuts", "I'm allergic to eggs"),
        ("I was fired from IBM", "I work at Google"),
        ("I'm not at IBM", "I work at IBM"),
        ("I'm at Starbucks now", "I work at IBM"),
        ("My son can swim", "My son can't swim"),
        ("My dentist moved to Lisbon", "My dentist is Dr. Smith"),
        ("My bank has moved to Lisbon", "My bank is Novo"),
        ("My employer moved to Berlin", "My employer is Siemens"),
        ("I broke up with Tom", "I'm married to Ana"),
        ("My sister's dog died", "My dog is called Rex"),
        ("My brother is divorced", "I'm married to Ana"),
        ("We switched to Bosch", "I work at Siemens"),
        ("We are called Team Rex", "I am called Bob"),
        ("Our name is Team Rex", "My name is Bob"),
        ("Our email is info@firm.org", "My email is bob@x.org"),
        ("Our phone number is 555 777777", "My phone number is 555 999999"),
        ("I work for Monday's meeting", "I work at IBM"),
        ("I sold my old car", "I have a car called Betsy"),
        ("I became vegetarian for a month", "I eat meat"),
        ("I'm vegan in January", "I eat meat"),
        ("I'm vegan on Mondays", "I eat meat"),
        ("I don't always like tea", "I like tea"),
        ("I don't just like tea, I love it", "I like tea"),
        ("I dislike tea, but only in bags", "I like tea"),
        ("I can't read the attachment", "I can read"),
        ("We moved to Figma", "I live in Porto"),
        ("I don't like that tea", "I like tea"),
        ("I stopped eating meat for Lent", "I eat meat"),
        ("The deadline for Falcon is 5 people", "The deadline for Falcon is 3 May"),
        ("The budget for Falcon is Tom's job", "The budget for Falcon is 4000 euros"),
        ("My doctor is Anna's uncle", "My doctor is Dr. Ruiz"),
        ("My doctor is Portuguese", "My doctor is Dr. Ruiz"),
        ("My landlord is Italian", "My landlord is called Marco"),
        ("My favourite book is by Herbert", "My favourite book is Dune"),
        ("My bank is in Lisbon now", "My bank is Novo"),
        ("The wifi password is wrong", "My wifi password is hunter2"),
        ("My wifi password is 12 characters", "My wifi password is hunter2"),
        ("I moved to Vodafone", "I live in Porto"),
        ("I stopped playing tennis with Ana", "I play tennis with Ben"),
        ("I stopped playing tennis with Ana", "I play tennis"),
        ("My loyalty card number at the bakery is 804059", "My loyalty card number at the gym is 530403"),
        ("My boss's assistant Oriel is a teenager now", "Oriel has a job as a journalist."),
        ("My shift begins at 9:25 now.", "My choir begins at 7:15."),
        ("My shift ends at 17:00 now.", "My shift begins at 7:15."),
        ("What a change, I feel like the old one", "My locker number is 214"),
    ],
)
def test_what_is_so_besides_stays(new: str, old: str) -> None:
    assert not contradicts(read_claims(new), read_claims(old))


def _fits(rival: Rival, claim: Claim) -> bool:
    same = (rival.subject, rival.slot) == (claim.subject, claim.slot)
    return same and rival.value in (None, claim.value) and rival.denied in (None, claim.denied)


@pytest.mark.parametrize(("new", "old"), ENDS)
def test_what_may_end_another_is_looked_up_from_either_side(new: str, old: str) -> None:
    def finds(these: tuple[Claim, ...], those: tuple[Claim, ...]) -> bool:
        return any(_fits(rival, other) for one in these for rival in rivals(one) for other in those)

    newer, older = read_claims(new).claims, read_claims(old).claims
    assert finds(newer, older) and finds(older, newer)


def test_of_those_of_whom_there_may_be_several_only_what_can_end_is_looked_up() -> None:
    (lives,) = read_claims("My friend lives in Porto").claims
    assert set(rivals(lives)) == {Rival("user's friend", "lives", "porto", denied=True)}
    (age,) = read_claims("My son is 5").claims
    assert {rival.value for rival in rivals(age)} == {"4", "5", "6"}


def test_a_long_text_claims_nothing_and_takes_no_time() -> None:
    long = "I live in Porto. " + "I went home. " * LONGEST_READ
    assert read_claims(long).claims == ()
    # Read to its end this takes minutes.
    assert "home" in words_asked_by("I live in Porto. " + "my " * 100_000)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "m.db")
    yield database
    await database.close()


async def test_of_a_thousand_likings_only_the_one_that_is_told_of_again_is_read_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore(database, None)
    told = {"kind": "fact", "source": "user", "speaker": "user", "tier": "medium"}
    await store.remember_many([NewMemory(f"I like dish{n} stew", **told) for n in range(900)], told=True)  # type: ignore[arg-type]
    reread: list[str] = []

    def counting(text: str, speaker: str = "user") -> Reading:
        reread.append(text)
        return read_claims(text, speaker)

    monkeypatch.setattr(facts, "read_claims", counting)
    await store.remember(NewMemory("I hate dish7 stew", **told), told=True)  # type: ignore[arg-type]
    assert reread == ["I like dish7 stew"]
    ended = await database.rows("select text from memories where superseded_by is not null", ())
    assert ended == [("I like dish7 stew",)]
