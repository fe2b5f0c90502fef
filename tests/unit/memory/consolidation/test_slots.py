"""What a sentence claims, and which claims end which: wrong endings are worse than missed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.slots import Claim, contradicts, read_claims

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
    ("My sister moved to Oslo", "My sister lives in Rome"),
    ("Anna's birthday is 4 May", "Anna's birthday is 3 May"),
    ("My wife is called Ana", "My wife is called Eva"),
    ("I'm not allergic to nuts", "I am allergic to nuts"),
    ("I'm 35 years old", "I am 34"),
    ("I moved to Portugal", "I live in Berlin"),
    ("I stopped drinking coffee after my surgery", "I drink coffee"),
    ("I sold my car to Anna", "I have a car"),
    ("My new boss is Ben", "My boss is Ruth"),
    ("I moved to Rome on Monday", "I live in Porto"),
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
