"""Questions as they are searched: words, meaning, names, and the questions they hold."""

from datetime import UTC, datetime

import pytest

from openclaw_desktop.memory.recall.query import MAX_WORDS, Query, asks_for_many, name_words, read_query

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


def read(text: str, *speakers: str) -> Query:
    return read_query(text, NOW, [word for word in name_words(text) if word in speakers])


def test_names_of_speakers_and_pronouns_are_no_words_to_look_for() -> None:
    query = read("What did Anna's brother give her for the wedding?", "anna")
    assert query.parts[0].words == ("brother", "give", "wedding")
    assert query.parts[0].meaning == "What did brother give for the wedding"
    assert query.names == {"anna"}
    assert "anna" in query.words


def test_a_name_nobody_speaks_by_is_a_word() -> None:
    query = read("What did Anna give?")
    assert query.parts[0].words == ("anna", "give")
    assert query.names == set()


def test_i_and_you_are_the_user_and_the_agent() -> None:
    assert read("where do I live").names == {"user"}
    assert read("what did you say").names == {"assistant"}
    assert read("where do I live, Anna", "anna").names == {"anna"}
    assert read("who is the user of the red card", "user").parts[0].words == ("user", "red", "card")


def test_a_name_alone_is_still_looked_for() -> None:
    assert read("Anna?", "anna").parts[0].words == ("anna",)


def test_a_question_that_says_nothing_has_no_meaning() -> None:
    (part,) = read("who?").parts
    assert (part.words, part.meaning) == (("who",), "")
    (part,) = read("What did I do yesterday?").parts
    assert (part.words, part.meaning) == ((), "")


def test_what_is_written_without_spaces_is_looked_for_in_pairs() -> None:
    assert read("我住在哪里?").parts[0].words == ("我住", "住在", "在哪", "哪里")
    assert read("猫 cat 3月").parts[0].words == ("猫", "cat", "月", "3")


def test_a_time_told_from_now_is_no_words() -> None:
    query = read("What did I cook last month?")
    assert query.parts[0].words == ("cook",)
    assert query.span is not None
    assert "march" in read("What did I cook in March?").parts[0].words


def test_a_season_is_asked_for_month_by_month() -> None:
    query = read("Which of my friends have birthdays in spring?")
    assert [part.words for part in query.parts] == [
        ("friends", "birthdays", "spring"),
        ("friends", "birthdays", "march"),
        ("friends", "birthdays", "april"),
        ("friends", "birthdays", "may"),
    ]
    assert query.many


def test_two_things_are_asked_for_one_by_one() -> None:
    query = read("What do Anna and Bob drink?")
    assert [part.words for part in query.parts[1:]] == [("anna", "drink"), ("bob", "drink")]
    assert len(read("What do Anna and Bob drink?", "anna", "bob").parts) == 1
    assert len(read("What do friends and family drink?").parts) == 1
    assert len(read("What did I cook in spring?").parts) == 1


@pytest.mark.parametrize(
    ("question", "many"),
    [
        ("Which cities have I visited?", True),
        ("What has Anna painted?", True),
        ("How many dogs are there?", True),
        ("What are the names of my sisters?", True),
        ("Where has he worked?", True),
        ("Do we both like jazz?", True),
        ("Which people have I met at the gym?", True),
        ("What exam did I take several times?", True),
        ("What does Anna do on Sundays?", True),
        ("What do my children like?", True),
        ("What does Anna like most?", False),
        ("What do I do for work?", False),
        ("What does the recipe need?", False),
        ("Where do I live?", False),
        ("What is his address?", False),
        ("When did Anna paint the sunrise?", False),
        ("", False),
    ],
)
def test_questions_for_several_things_are_told(question: str, many: bool) -> None:
    assert asks_for_many(question) is many


@pytest.mark.parametrize(
    ("question", "past"),
    [
        ("Where did I live before?", True),
        ("Where did I use to work? I used to like it", True),
        ("What was my previous address?", True),
        ("What do I no longer eat?", True),
        ("Where did I live before Lisbon?", True),
        ("Where do I live now, and where before?", True),
        ("Who was my doctor earlier?", True),
        ("Where did I work at first?", True),
        ("What don't I eat any more?", True),
        ("Where do I not work anymore?", True),
        ("gate code before", True),
        ("Where do I live?", False),
        ("What did I cook before 2020?", False),
        ("What is my phone number? I want to call before dinner", False),
        ("What was my number? I have to call before noon", False),
        ("Where do I live? I need my address before noon", False),
        ("I don't remember anymore where I live", False),
        ("I'm not sure any more what my number is", False),
        ("Do I have any more appointments?", False),
        ("The earlier the answer the better: where do I live?", False),
        ("Did I tell you before where I live?", False),
    ],
)
def test_questions_for_the_past_are_told(question: str, past: bool) -> None:
    assert read(question).past is past


def test_a_page_of_text_is_read_as_far_as_a_search_can_use_it() -> None:
    query = read(" ".join(f"word{number}" for number in range(5_000)))
    assert len(query.parts[0].words) == MAX_WORDS
