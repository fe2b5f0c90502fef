"""The deterministic path takes plain requests and leaves the rest to a model."""

import pytest

from openclaw_desktop.agent.plain_requests import NeedsTools, ReadFile, RecallAbout, RememberThis, parse_plain


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Remember that my sister's birthday is on March 14", "my sister's birthday is on March 14"),
        ("please remember: I like tea", "I like tea"),
        ("Keep in mind that I'm allergic to peanuts.", "I'm allergic to peanuts."),
        ("Note for the future: I prefer dark roast", "I prefer dark roast"),
        ("Remember to buy milk", "to buy milk"),
        ("Don't forget my locker code is 4711", "my locker code is 4711"),
    ],
)
def test_remember(text: str, fact: str) -> None:
    assert parse_plain(text) == RememberThis(fact)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("What did I tell you about my sister?", "my sister"),
        ("what do you know about Porto", "Porto"),
        ("Do you remember where I parked?", "where I parked"),
        ("Remember where I parked?", "where I parked"),
    ],
)
def test_recall(text: str, query: str) -> None:
    assert parse_plain(text) == RecallAbout(query, certain=True)


def test_a_question_about_the_user_may_be_answered_from_memory() -> None:
    assert parse_plain("When is my sister's birthday?") == RecallAbout("When is my sister's birthday", certain=False)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("read notes.txt", "notes.txt"),
        ("What does my notes.txt say?", "notes.txt"),
        ("Read ~/Documents/my notes.txt", "~/Documents/my notes.txt"),
        ("read /etc/hostname", "/etc/hostname"),
        ('What\'s in "shopping list.txt"?', "shopping list.txt"),
        ("show me the file plan.md please", "plan.md"),
    ],
)
def test_read(text: str, path: str) -> None:
    assert parse_plain(text) == ReadFile(path)


@pytest.mark.parametrize(
    "text",
    ["Remind me to call mum at 5", "list my Documents folder", "Delete old.txt", "send Anna an e-mail", "Set an alarm"],
)
def test_actions_need_a_model_with_tools(text: str) -> None:
    assert parse_plain(text) == NeedsTools()


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how are you?",
        "What is the capital of France?",
        "tell me a joke",
        "Write a poem about spring",
        "I like to read books.",
    ],
)
def test_talk_is_left_to_the_model(text: str) -> None:
    assert parse_plain(text) is None


def test_a_long_text_is_not_searched_for_patterns() -> None:
    assert parse_plain("read " + "a." * 2000 + "<") is None
