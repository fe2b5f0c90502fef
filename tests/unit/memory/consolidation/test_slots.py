"""What a sentence claims, and which claims end which: wrong endings are worse than missed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.claims import Claim
from openclaw_desktop.memory.consolidation.importance import Signs, earned_tier, weigh
from openclaw_desktop.memory.consolidation.slots import contradicts, read_claims, weight_of

U = "user"


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("I live in Porto", [Claim(U, "lives", "porto")]),
        ("I moved to Lisbon", [Claim(U, "lives", "lisbon")]),
        ("No, I live in Lisbon now.", [Claim(U, "lives", "lisbon")]),
        ("Actually, we've moved to Oslo.", [Claim(U, "lives", "oslo")]),
        ("I don't live in Porto anymore", [Claim(U, "lives", "porto", True)]),
        ("I used to live in Porto", [Claim(U, "lives", "porto", True)]),
        ("Since March I live in Lisbon", [Claim(U, "lives", "lisbon")]),
        ("The user lives in Porto", [Claim(U, "lives", "porto")]),
        ("I live in a small flat", []),
        ("My sister Anna lives in Rome", [Claim("anna", "lives", "rome")]),
        ("my wife lives in Oslo", [Claim("user's wife", "lives", "oslo")]),
        ("Anna’s birthday is 3 May", [Claim("anna", "birthday", "05-03")]),
        ("My sister's birthday is on May 3rd, 1990", [Claim("user's sister", "birthday", "05-03 1990")]),
        ("My sister Vera's birthday is on 14 March.", [Claim("vera", "birthday", "03-14")]),
        ("I was born on 4 June 1988", [Claim(U, "birthday", "06-04 1988")]),
        ("My new phone number is +351 912 345 678", [Claim(U, "phone", "351912345678")]),
        ("My work phone number is 555-0100.", [Claim(U, "work phone", "5550100")]),
        ("My old phone number is 555-0100.", []),
        ("the wifi password is hunter2", [Claim(U, "wifi password", "hunter2")]),
        ("My email address is a.b@c.org", [Claim(U, "email", "a.b@c.org")]),
        ("I work at Siemens as an engineer", [Claim(U, "works", "siemens")]),
        ("I changed jobs to Bosch", [Claim(U, "works", "bosch")]),
        ("I quit my job at Siemens", [Claim(U, "works", "siemens", True)]),
        ("I am also working for Lidl", []),
        ("I am vegan now", [Claim(U, "diet", "vegan")]),
        ("I no longer eat meat", [Claim(U, "eats", "meat", True)]),
        ("I'm allergic to penicillin", [Claim(U, "allergic", "penicillin")]),
        ("My favorite food is now ramen", [Claim(U, "favourite food", "ramen")]),
        ("Dune is my favourite book", [Claim(U, "favourite book", "dun")]),
        ("I can't stand coriander", [Claim(U, "likes", "coriander", True)]),
        ("I stopped drinking coffee", [Claim(U, "drink", "coffe", True)]),
        ("I have a cat called Milo", [Claim(U, "has cat", "milo")]),
        ("I sold my car", [Claim(U, "has", "car", True)]),
        ("My wife is Ana", [Claim("user's wife", "name", "ana")]),
        ("My doctor is Dr. Smith", [Claim(U, "doctor", "dr. smith")]),
        ("I live in Porto and I work at Siemens", [Claim(U, "lives", "porto"), Claim(U, "works", "siemens")]),
        ("I have lived in Lisbon for ten years", [Claim(U, "lives", "lisbon")]),
        ("From 1 May I'll live in Lisbon", [Claim(U, "lives", "lisbon")]),
        ("As of 1 May I'm going to be working at Bosch", [Claim(U, "works", "bosch")]),
        ("From June on I won't live in Porto", [Claim(U, "lives", "porto", True)]),
        ("If I'll live in Lisbon from 1 May", []),
        ("From 1 May I might live in Lisbon", []),
        ("The spare key is behind the boiler", [Claim(U, "place spare key", "behind the boiler")]),
        ("I keep the passport in the tea caddy", [Claim(U, "place passport", "in the tea caddy")]),
        (
            "The passport is no longer in its old spot but in the bread bin",
            [Claim(U, "place passport", "in the bread bin")],
        ),
        ("The budget of Falcon is 12,000 euros", [Claim("falcon", "budget", "12,000 euros")]),
        ("Falcon has a new client, Acme Foods", [Claim("falcon", "client", "acme foods")]),
        ("I'm seeing the notary Brandt on 3 May at 8:00", [Claim(U, "meeting notary brandt", "3 may at 8:00")]),
        ("We decided on oak for the front door", [Claim(U, "choice front door", "oak")]),
        ("I prefer ochre over any other colour", [Claim(U, "favourite colour", "ochre")]),
        ("My camera is a Fenn K82", [Claim(U, "own camera", "fenn k82")]),
        ("My brother is a Buddhist", []),
        ("Ben earns a living as a roofer", [Claim("ben", "job", "roofer")]),
        ("The library card number is 4711", [Claim(U, "library card number", "4711")]),
        ("I have lived in Lisbon since 2010", [Claim(U, "lives", "lisbon")]),
        ("My older sister lives in Rome", [Claim("user's older sister", "lives", "rome")]),
        ("My new boss is Ben", [Claim("user's boss", "name", "ben")]),
        ("I don't like tea at all", [Claim(U, "likes", "tea", True)]),
        # No claim at all: what is not told as a fact, and what says nothing of a slot.
        ("Our company is called Acme", []),
        ("Our team is based in Lisbon", []),
        ("My house is 100 years old", []),
        ("Anna's boat is called Bella", []),
        ("Anna hardly drinks coffee", []),
        ("Do I live in Rome?", []),
        ("If I moved to Rome I would be happy", []),
        ("I might move to Rome", []),
        ("I will move to Rome", []),
        ('He said "I live in Rome"', []),
        ("I live in Rome, just kidding", []),
        ("I drink tea today", []),
        ("My car is red", []),
        ("My job is stressful", []),
        ("My doctor is on holiday", []),
        ("My plan is Madrid", []),
        ("He lives in Rome", []),
        ("I like it", []),
        ("The meeting is in the afternoon", []),
        ("I put my trust in the team", []),
        ("The deadline for taxes is 31 July", []),
        ("The phone number is 555 0100", []),
        ("My job is stressful", []),
        ("I eat less meat", []),
    ],
)
def test_what_a_sentence_claims(text: str, claims: list[Claim]) -> None:
    assert list(read_claims(text).claims) == claims


ENDS = [
    ("I moved to Lisbon", "I live in Porto"),
    ("I live in Lisbon", "I live in Porto."),
    ("I don't live in Porto anymore", "I live in Porto near the river"),
    ("I no longer eat meat", "I eat meat"),
    ("I am vegan now", "I eat meat"),
    ("I'm a vegetarian now", "I am vegan"),
    ("My phone number is 555 0199", "My phone number is 555 0100"),
    ("I changed jobs to Bosch", "I work at Siemens"),
    ("I quit my job at Siemens", "I work at Siemens"),
    ("My favourite colour is blue", "My favourite colour is green"),
    ("I hate tea", "I like tea"),
    ("I stopped drinking coffee", "I drink coffee"),
    ("I sold my car", "I have a car"),
    ("I no longer have a cat", "I have a cat called Milo"),
    ("My sister Eva moved to Oslo", "My sister Eva lives in Rome"),
    ("My sister no longer lives in Rome", "My sister lives in Rome"),
    ("Anna's birthday is 4 May", "Anna's birthday is 3 May"),
    ("My wife is called Ana", "My wife is called Eva"),
    ("I'm not allergic to nuts", "I am allergic to nuts"),
    ("I'm 35 years old", "I am 34"),
    ("I moved to Portugal", "I live in Berlin"),
    ("I stopped drinking coffee after my surgery", "I drink coffee"),
    ("I sold my car to Anna", "I have a car"),
    ("My new boss is Ben", "My boss is Ruth"),
    ("I moved to Rome on Monday", "I live in Porto"),
    ("I moved the passport, it's in the shed now", "I keep the passport in the tea caddy"),
    ("They moved Falcon's deadline, it's 4 June now", "The deadline of Falcon is 3 May"),
    ("New lead for Falcon: Noor, forget the old one", "The lead of Falcon is Ben"),
    (
        "The appointment with the notary Brandt was moved to 9 May at 9:00",
        "I'm seeing the notary Brandt on 3 May at 8:00",
    ),
    ("I replaced my printer with a Quill K46", "I've got an Ombra R3 printer, second-hand"),
    ("For the front door it's red steel now", "We decided on oak for the front door"),
    ("I've switched to oolong as my favourite tea", "My favourite tea is rooibos"),
    ("Ben quit and works as a baker now", "My cousin Ben works as a tax adviser"),
    ("I'm a gardener now, the old job is history", "I'm a brewer by profession"),
    ("My new home is in Lisbon", "My home is in Porto"),
    ("My home is now in Faro", "I live in Porto"),
    ("I live in Faro", "Our house is in Porto"),
    ("The collar size has changed to 42", "The collar size is 41"),
]


@pytest.mark.parametrize(("new", "old"), ENDS)
def test_what_ends_what(new: str, old: str) -> None:
    assert contradicts(read_claims(new), read_claims(old))


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("Ben's birthday is 3 May", "Anna's birthday is 4 May"),
        ("My sister's birthday is 3 May", "My brother's birthday is 4 May"),
        ("My sister lives in Oslo", "My sister lives in Rome"),
        ("Anna lives in Oslo", "I live in Rome"),
        # Without a name it may be the other one, and of one name there may be two.
        ("My brother moved to Oslo", "My brother lives in Rome"),
        ("My sister moved to Oslo", "My sister lives in Rome"),
        ("My colleague Ana moved to Foz", "My sister Ana lives in Rome"),
        ("My sister lives in Foz", "I live in Porto"),
        ("My sister Ana lives in Foz now", "I live in Porto"),
        ("Ana lives in Foz", "Rui lives in Porto"),
        ("My parents moved to Foz", "I live in Porto"),
        ("A friend of mine moved to Foz", "I live in Porto"),
        # For a while, or long ago.
        ("I moved to Lisbon back in the nineties", "I live in Porto"),
        ("I moved to Lisbon for my studies, then came back", "I live in Porto"),
        ("I'm living in Lisbon for the summer", "I live in Porto"),
        ("I moved to Lisbon for three months", "I live in Porto"),
        # The rest of it stays true.
        ("I moved to Lisbon", "I live in Porto and work at IBM"),
        ("I moved to Lisbon", "I live in Porto and work at a bank"),
        ("I moved to Lisbon", "I live in Porto and am vegan"),
        ("I moved to Lisbon", "I live in Porto with BMW colleagues"),
        # Of these there may be two.
        (
            "I have an appointment with the dentist on 9 June at 8:00",
            "I have an appointment with the dentist on 3 May at 8:00",
        ),
        ("I also work as a baker", "I work as a nurse"),
        ("I work as a volunteer", "I work as a nurse"),
        ("We chose cork for the front door", "We decided on oak for the front door"),
        ("The library card number is 12", "My phone number is 555 0100"),
        # No home: what one works with, and in.
        ("We moved to Slack", "I live in Porto"),
        ("I moved to Team Blue", "I live in Porto"),
        ("I've moved to the Blue Team", "I live in Porto"),
        ("I moved to HR", "I live in Porto"),
        ("We've moved to GitHub", "I live in Porto"),
        ("I live in Excel", "I live in Porto"),
        ("I moved to Sales", "I live in Porto"),
        # What is not told for certain.
        ("I'll live in Lisbon", "I live in Porto"),
        ("I live in Portugal", "I live in Lisbon"),
        ("I live in Lisbon, Portugal", "I live in Lisbon"),
        ("I moved to Lisbon", "I live in Porto with my wife Ana"),
        ("I moved to Lisbon", "I live in Porto and I work at Siemens"),
        ("My work phone number is 555 0199", "My phone number is 555 0100"),
        ("Anna's phone number is 555 0199", "My phone number is 555 0100"),
        ("I like tea", "I like coffee"),
        ("I have a dog called Rex", "I have a cat called Milo"),
        ("I have a cat called Otto", "I have a cat called Milo"),
        ("I am allergic to nuts", "I am allergic to penicillin"),
        ("I speak German", "I speak Portuguese"),
        ("My favourite book is Dune", "My favourite colour is green"),
        ("My car is a Volvo", "My car is red"),
        ("I also work for Lidl", "I work at Siemens"),
        ("I might move to Lisbon", "I live in Porto"),
        ("Should I move to Lisbon?", "I live in Porto"),
        ("I would hate tea", "I like tea"),
        ("I hated tea as a child", "I like tea"),
        ("My boss moved to Lisbon", "I live in Porto"),
        ("I am vegan", "I eat rice"),
        ("I live in Porto", "I live in Porto"),
        ("I don't live in Rome", "I live in Porto"),
        ("I lived in Rome", "I live in Porto"),
        ("I've lived in Rome", "I live in Porto"),
        ("I have lived in Rome before", "I live in Porto"),
        ("I moved to Rome when I was a child", "I live in Porto"),
        ("We moved to Rome for two years as kids", "I live in Porto"),
        ("I live in Rome in summer", "I live in Porto"),
        ("I live in Rome half the year", "I live in Porto"),
        ("I have a flat in Rome", "I live in Porto"),
        ("We moved to Building 7", "I live in Porto"),
        ("Our team is based in Rome", "I live in Porto"),
        ("My ex-wife is called Eva", "My name is Max"),
        ("Our company is called Acme", "My name is Max"),
        ("My shirt is 38", "I am 34"),
        ("My dinner is not vegan", "I am vegan"),
        ("My older sister moved to Rome", "My younger sister lives in Oslo"),
        ("My other brother moved to Rome", "My brother lives in Oslo"),
        ("My new cat is called Kit", "My cat is called Tom"),
        ("My old boss is Ben", "My boss is Ruth"),
        ("My first wife is called Ana", "My wife is called Eva"),
        ("I don't like tea with milk", "I like tea"),
        ("I didn't like tea as a child", "I like tea"),
        ("I don't drink coffee after noon", "I drink coffee"),
        ("I don't speak German at home", "I speak German"),
        ("I don't work at Siemens on Fridays", "I work at Siemens"),
        ("I did not have a dog in 2010", "I have a dog"),
    ],
)
def test_what_leaves_the_other_alone(new: str, old: str) -> None:
    assert not contradicts(read_claims(new), read_claims(old))


@given(st.sampled_from(ENDS), st.sampled_from(["Is it so that {}?", "If {}, fine.", 'He said "{}".', "Maybe {}."]))
def test_nothing_asked_supposed_or_quoted_ends_anything(pair: tuple[str, str], frame: str) -> None:
    new, old = pair
    assert not contradicts(read_claims(frame.format(new)), read_claims(old))


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    reading = read_claims(text)
    assert not contradicts(reading, reading)


def test_i_is_whoever_speaks() -> None:
    assert read_claims("I live in Rome", "anna").claims == (Claim("anna", "lives", "rome"),)
    assert not contradicts(read_claims("I live in Rome", "anna"), read_claims("I live in Porto"))


@pytest.mark.parametrize(
    ("text", "mentions", "tier"),
    [
        ("I live in Porto", 1, "medium"),
        ("I am allergic to penicillin", 1, "medium"),
        ("My favourite tea is rooibos", 1, "long"),
        ("My favourite tea is rooibos", 2, "medium"),
        ("Anna lives in Rome", 1, "long"),
        ("I like tea", 2, "long"),
        ("We painted the kitchen green", 1, "long"),
    ],
)
def test_who_the_user_is_is_offered_at_once_and_what_is_said_twice_soon(text: str, mentions: int, tier: str) -> None:
    assert earned_tier(weigh(Signs(weight_of(read_claims(text).claims, text), mentions))) == tier


def test_who_the_user_is_stays_however_old_and_what_fits_no_slot_fades() -> None:
    home, other = weight_of(read_claims("I live in Porto").claims, ""), weight_of((), "it is so")
    assert earned_tier(weigh(Signs(home, age_days=4000))) == "medium"
    assert earned_tier(weigh(Signs(other, age_days=100))) == "long"
    assert earned_tier(weigh(Signs(other, age_days=180))) is None
