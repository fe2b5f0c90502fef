"""One thing is told in many ways, and told anew in others: each is kept, and the newer ends the older."""

import pytest

from openclaw_desktop.memory.consolidation.slots import contradicts, read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    "text",
    [
        "Please no opera, I hate that music more than any other.",
        "I could never stand beetroot, my least loved salad.",
        "When I may choose a wine, I always take Riesling.",
        "The expense claims are what I hate most at work.",
        "It's settled, the loft will be done with cork.",
        "The wallpaper is settled, we chose the herons.",
        "The family vote on the holiday went to Denmark.",
        "My drill is with Oskar at the moment.",
        "Our tent lives at Britta's for now.",
        "The canoe went to Jonas, I need it back by June.",
        "Ella asked for the easel, so it's with Ella.",
        "On my list of borrowed books: Emma, from Karin.",
        "Got the locker number at last, it's 88.",
        "They replaced the gate code, it's 4410 now.",
        "For the record, post office box number: 771.",
        "The budget for Heron came in today, 40,000 euros.",
        "As a vegetarian I always ask what is in the soup.",
        "I get my coffee beans from Moreno.",
        "You can reach Agnes in Graz.",
        "News from Bela: the new flat is in Pécs.",
        "The vet saw Momo, Lena's cat.",
        "Ida was thrilled with the kite, my present.",
        "There was one slot left with the optician Raab, 4 May at 9:00, so I took it.",
        "I have to be at the clinic on 4 May at 9:00.",
        "Every year there's a party at Nora's on 4 May, her birthday.",
        "It's in my file, inhaler: Ventosal.",
        "New inhaler since the check-up: Ventosal.",
        "I've become a vegetarian.",
    ],
)
def test_it_is_kept_in_whatever_words_it_is_told(text: str) -> None:
    (statement,) = find_statements(text)
    # What only leads to it is left out.
    assert text.lower().endswith(statement.text.lower())


def test_an_answer_to_oneself_is_told_with_its_question() -> None:
    (statement,) = find_statements("Good morning! My favourite lake? Lake Bled, always has been.")
    assert statement.text == "My favourite lake is Lake Bled, always has been."
    assert find_statements("My opinion? No idea.") == () == find_statements("My keys? Where are they?")


@pytest.mark.parametrize(
    "text",
    [
        "Please no more jokes.",
        "When I'm rich I'll live in Rome.",
        "When can I visit you?",
        "The grammar of this text is odd.",
        "It's decided then.",
        "Post the letter to Anna: it is urgent.",
        "They said the train is late, 20 minutes.",
        "The cinema vote went to a horror film.",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert find_statements(text) == ()


CHANGES = [
    ("They gave me a visitor badge number, 5512.", "The visitor badge number has changed to 7001."),
    ("I've set the gate code to 4410.", "They replaced the gate code, it's 9921 now."),
    ("I wrote the alarm code on a card: 4410.", "My new alarm code is 9921, the old one doesn't work any more."),
    ("The rent turned out to be 700 euros.", "The rent went up to 750 euros."),
    ("We fixed the deadline for Heron: 4 May.", "The deadline of Heron has changed to 9 June."),
    ("I put 9 June into the plan as Heron's deadline.", "They moved Heron's deadline, it's 12 July now."),
    ("At work Heron has Acme as its client.", "Heron has a new client, Initech."),
    ("The vote on the balcony went to herbs.", "For the balcony it's roses now, the first plan fell through."),
    ("I adore Liszt, no other composer comes close.", "I've switched to Chopin as my favourite composer."),
    ("Nothing beats Riesling as a wine.", "These days I like Merlot best as a wine."),
    ("I ended up with a Zenit B4 as my camera.", "I sold the old camera and got a Leica M3."),
    ("After the party the ladder ended up in the cellar.", "From now on the ladder is behind the shed."),
    ("My husband left the ladder in the cellar.", "I moved the ladder, it's behind the shed now."),
    ("I have to be at the practice of the dentist Falk on 4 May at 9:00.", "I rescheduled the dentist Falk to 9 June."),
    ("My piano tuner Kuno lives in Graz.", "News from Kuno: the new address is in Linz."),
    ("My skipper Kuno has a job as a welder.", "My skipper Kuno has retrained and is a baker these days."),
    ("I bank with Alpina.", "I moved my account to Northern Trust."),
    ("Our gas contract is with Alpina.", "We switched our gas to Northern Gas."),
    ("My landlord is Mr Falk.", "The house was sold, my landlord is Mr Raab now."),
    ("I start work at 8:00 in the morning.", "My shift begins at 9:30 now."),
    ("My mobile: 0151 5550 100.", "I have a different number now, 0151 5550 200."),
    ("The doctor says my tablet dose is 50 mg.", "The doctor corrected it: tablet dose is 75 mg."),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_what_is_told_anew_ends_what_was_told_in_other_words(old: str, new: str) -> None:
    assert contradicts(read_claims(new), read_claims(old))
    assert not contradicts(read_claims("My sister's boat is green."), read_claims(old))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I work as a nurse.", "My skipper Kuno has retrained and is a baker these days."),
        ("My gate code is 4410.", "They replaced the alarm code, it's 9921 now."),
        ("I get my coffee from Moreno.", "I get my tea from Alpina."),
        ("I bank with Alpina.", "I moved my car to Graz."),
        ("The ladder is in the cellar.", "Someone said the ladder is behind the shed."),
        ("My ski pass number is 5512.", "My password is hunter2."),
    ],
)
def test_what_is_told_of_something_else_ends_nothing(old: str, new: str) -> None:
    assert read_claims(old).claims and not contradicts(read_claims(new), read_claims(old))
