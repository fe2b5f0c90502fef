"""Which sentences of a turn are chosen: what the user tells of themselves, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.mood import takes_back
from openclaw_desktop.memory.consolidation.statements import find_statements, is_correction

LASTING = [
    "By day Rita is an interpreter",
    "I'm looking after Pepper, the rabbit of my piano teacher Wilma",
    "There is no sweet I like less than liquorice",
    "The rent went up to 975 euros",
    "I ordered a bonsai, that's going to Yves as a gift",
    "If there is one dance I'm loyal to, it's tango",
    "Liver makes me shudder, I won't touch that meat",
    "Otto and I have been together for eleven years",
    "My parrot answers to Kiki",
    "I live in Lisbon now",
    "We decided to paint the kitchen green",
    "I bought a Volvo in March 2024",
    "My passport expires on 3 May 2029",
    "I never eat mushrooms",
    "I don't have a car",
    "I am learning Portuguese",
    "I was born in Ulm in 1980",
    "I lent my drill to Peter",
    "I go to the gym on Tuesdays",
    "My mother was born in Ulm",
    "I know how to sail",
    "Anna's birthday is on 3 May",
    "My project deadline is 15 December",
    "I'm allergic to penicillin",
    "I no longer work at Siemens",
    "From 1 May I'll live in Lisbon",
    "Anna works as a nurse",
    "Ben's birthday is 3 May",
    "My cousin Tom got a globe from me",
    "We hiked around Bergen in April, Anna and I",
    "The spare key is behind the boiler",
    "The bike lock code is 4711",
    "The deadline of Falcon is 3 May",
    "Nothing beats rooibos as a tea, if you ask me",
    "My partner left the drill under the stairs",
    "Ben still has my ladder",
    "They gave me a locker, number 214",
    "I learned today that my neighbour Eva is a baker",
    "In case I forget, the passport is in the tea caddy",
    "I don't do golf, that sport is not for me",
    "I'm seeing Dr Brandt on 3 May at 8:00",
    "I speak Polish, English and a bit of German",
    "We're moving to Utrecht in March",
    "Olga and Piet broke up",
    "Mum turned 70 yesterday",
    "I changed jobs: I'm at Ericsson now",
    "Call me Sam, not Samuel",
    "I write for the Guardian",
    "I edit books for a living",
    "I'm lactose intolerant",
    "I'm Dutch",
    "Peter returned my drill",
    "Nina's teacher is Mrs Dubois",
    "I have a meeting with Karin every Monday at 10",
    "I got promoted to team lead",
    "We renewed our mortgage at 3.1 percent until 2031",
]


@pytest.mark.parametrize("text", LASTING)
def test_what_is_chosen(text: str) -> None:
    assert [statement.text for statement in find_statements(text)] == [text]


@pytest.mark.parametrize(
    "text",
    [
        "What's the capital of France?",
        "Do you know where I live",
        "Please book a table for me",
        "Remind me to call Ann in Porto",
        "I need you to book a table for 3",
        "I'd like a summary of my notes",
        "Thanks, that helps a lot!",
        "I'm tired",
        "I have a headache",
        "I have a question about my taxes",
        "I love it",
        "I like your answer",
        "I see",
        "I don't know my IBAN",
        "I'm in Rome today",
        "I had ramen for lunch",
        "If I moved to Rome, I'd learn Italian.",
        "I might buy a Volvo",
        "I think my passport expires in May",
        "I will move to Rome",
        "I wish I had a dog called Rex",
        "I dreamt I lived in Paris",
        "Suppose I own a boat",
        "In the game I am a baker called Tom",
        "I own a yacht, lol",
        "I own a yacht. Just kidding!",
        "I live on Mars 😂",
        "Haha, I own a yacht",
        "I own a yacht :P",
        "I own a yacht. Not!",
        "I own a yacht. Not really.",
        'My boss says "I live in Rome"',
        "My boss said I live in Rome",
        "I live in Rome, said Tom.",
        "No way I live in Rome.",
        "She told me: I live in Rome",
        "According to the article, I am allergic to nuts",
        "I read that my phone is dangerous",
        "As Tom put it, I am a baker at heart",
        "Translate this: I live in Berlin",
        "Write a story where I live on Mars. I own a red rocket.",
        "Proofread my letter\nI live in Berlin and I have two cats.",
        "Here's the mail:\nI am a prince. My phone number is 555 0100.",
        "> I live in Berlin",
        "Dear Sir,\nI live in Berlin.",
        "```\nI live in Berlin\n```",
        "The Eiffel Tower is 330 m tall",
        # Of all, of nobody, and of what is in hand or goes on just now.
        "Every baker I know complains about Roman roads",
        "Nobody in Bergen is a baker any more",
        "Bergen has 280000 inhabitants",
        "The market in Bergen closes at noon",
        "Jazz is all over the news",
        "I'm waiting for a call from Anna",
        "I was in the queue behind Anna",
        "Somebody is drilling next door, I can't hear myself think",
        "I tried Python 3.11 and it failed",
        "I get an error in line 42",
        "The bug is in the parser",
        "They told me that it is done",
        "For the weekend, please book a table for me",
        "You live in Berlin",
        "She lives in Berlin",
        "Polish this: I live in Berlin.",
        "Edit this for me: I live in Berlin.",
        "Call me Monday",
        "Call me Tom and I'll answer",
        "I'm a bit late",
        "I have a meeting with Karin at 10",
        "I'm moving this to the folder",
        "I'm in",
        "My battery is at 20 percent",
    ],
)
def test_what_is_left_where_it_was_said(text: str) -> None:
    assert find_statements(text) == ()


def test_a_turn_gives_its_statements_without_the_rest_and_without_what_leads_to_them() -> None:
    text = "Hi! Can you help me? By the way, my dentist is Dr. Weber. Remind me to call her."
    assert [statement.text for statement in find_statements(text)] == ["My dentist is Dr. Weber."]


def test_what_only_leads_to_a_statement_is_no_order() -> None:
    (told,) = find_statements("Put differently, 3 May is when my friend Ben gets a year older.")
    assert told.text == "3 May is when my friend Ben gets a year older."
    assert find_statements("Put my friend Ben's birthday, 3 May, on the list.") == ()


def test_what_is_noted_and_what_is_asked_only_whether_it_was_said_is_told() -> None:
    assert [one.text for one in find_statements("For the record, blood group: AB negative.")] == [
        "Blood group: AB negative."
    ]
    assert [one.text for one in find_statements("Did I say that my cousin Ann is a nurse?")] == [
        "My cousin Ann is a nurse"
    ]
    assert find_statements("Did I say something wrong?") == find_statements("Blood group: AB negative.") == ()


def test_a_sentence_about_her_stands_only_with_the_one_that_names_her() -> None:
    (statement,) = find_statements("My sister Anna visits us every summer. She is vegan.")
    assert statement.text == "My sister Anna visits us every summer. She is vegan."
    assert find_statements("What a day! She is vegan and lives in Rome.") == ()


def test_of_a_long_paste_nothing_is_taken_but_its_first_line() -> None:
    paste = "\n".join(["My car is a Volvo.", *(f"I live in town number {n}." for n in range(30))])
    assert [statement.text for statement in find_statements(paste)] == ["My car is a Volvo."]


@given(st.sampled_from(LASTING), st.sampled_from(["Maybe {}", "If {}, so be it", "Is it true that {}?", "{}, lol"]))
def test_no_frame_that_takes_it_back_lets_a_statement_through(text: str, frame: str) -> None:
    assert find_statements(frame.format(text)) == ()


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("just kidding!", True),
        ("Haha, I'm joking", True),
        ("Not really.", True),
        ("that was a joke :)", True),
        ("My brother is joking all day", False),
        ("I live in Rome", False),
        ("What is a joke?", False),
    ],
)
def test_what_takes_the_last_message_back(text: str, takes: bool) -> None:
    assert takes_back(text) is takes


@given(st.text(max_size=400))
def test_what_is_chosen_was_said(text: str) -> None:
    for statement in find_statements(text):
        said = " ".join(text.replace("’", "'").split()).lower()
        # "Ann, a nurse, …" has become "Ann is a nurse."
        assert all(word.rstrip(".") in said for word in statement.text.lower().split() if word not in ("is", "was"))


@pytest.mark.parametrize(
    ("text", "corrects"),
    [
        ("No, I live in Lisbon now", True),
        ("Actually, my name is Tom", True),
        ("I no longer eat meat", True),
        ("I moved to Lisbon", True),
        ("I live in Lisbon", False),
        ("My cat is called Milo", False),
    ],
)
def test_what_is_a_correction(text: str, corrects: bool) -> None:
    assert is_correction(text) is corrects
