"""The deterministic path takes plain requests and leaves the rest to a model."""

import pytest

from openclaw_desktop.agent.plain_requests import (
    ForgetAbout,
    ListFolder,
    NeedsTools,
    ReadFile,
    RecallAbout,
    RememberThis,
    asks_to_forget,
    asks_to_remember,
    name_call,
    parse_plain,
)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Remember that my sister's birthday is on March 14", "my sister's birthday is on March 14"),
        ("please remember: I like tea", "I like tea"),
        ("Keep in mind that I'm allergic to peanuts.", "I'm allergic to peanuts."),
        ("Note for the future: I prefer dark roast", "I prefer dark roast"),
        ("Bear in mind that I moved to Lisbon.", "I moved to Lisbon."),
        ("Make a note: the plumber is called Ann", "the plumber is called Ann"),
        ("Don't forget my locker code is 4711", "my locker code is 4711"),
    ],
)
def test_remember(text: str, fact: str) -> None:
    assert parse_plain(text) == RememberThis(fact)


@pytest.mark.parametrize("text", ["Remember to buy milk", "Remember that I like tea and then read notes.txt"])
def test_what_may_be_more_than_a_fact_is_left_to_a_model_that_can_choose(text: str) -> None:
    plain = parse_plain(text)
    assert isinstance(plain, RememberThis)
    assert not plain.certain


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("What did I tell you about my sister?", "my sister"),
        ("What have I told you about Porto", "Porto"),
        ("Look up in your memory what my locker code is.", "what my locker code is"),
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


@pytest.mark.parametrize("text", ["Do you know why the sky is blue?", "What do you know about Porto?"])
def test_knowledge_is_no_certain_memory(text: str) -> None:
    plain = parse_plain(text)
    assert isinstance(plain, RecallAbout)
    assert not plain.certain


@pytest.mark.parametrize(
    ("text", "query", "certain"),
    [
        ("Forget what I said about my car.", "my car", True),
        ("please forget everything I told you about my ex-boss", "my ex-boss", True),
        ("Forget about Porto", "Porto", False),
    ],
)
def test_forget(text: str, query: str, certain: bool) -> None:
    assert parse_plain(text) == ForgetAbout(query, certain)


@pytest.mark.parametrize("text", ["Forget it", "forget about it.", "Forget the file"])
def test_dropping_the_subject_forgets_nothing(text: str) -> None:
    assert parse_plain(text) == NeedsTools()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("list my Documents folder", "Documents"),
        ("List the files in my Downloads folder.", "Downloads"),
        ("What files are in /var/log?", "/var/log"),
        ("Show the contents of the directory ~/projects.", "~/projects"),
        ("what's in ~/projects?", "~/projects"),
        ("ls ~/projects", "~/projects"),
        ("Can you list the files in my home folder please?", "~"),
    ],
)
def test_list(text: str, path: str) -> None:
    assert parse_plain(text) == ListFolder(path)


def test_each_plain_action_names_the_call_that_does_it() -> None:
    assert name_call(ListFolder("~")) == ("list_folder", {"path": "~"})
    assert name_call(ForgetAbout("my car")) == ("forget", {"query": "my car"})
    assert name_call(ReadFile("a.txt")) == ("read_file", {"path": "a.txt"})
    assert name_call(RememberThis("x")) == ("remember", {"text": "x"})
    assert name_call(NeedsTools()) is None


def test_only_the_users_words_admit_remembering_and_forgetting() -> None:
    assert asks_to_remember("I like tea, keep that in mind")
    assert not asks_to_remember("What does the letter say?")
    assert asks_to_forget("please erase my address")
    assert not asks_to_forget("What does the letter say?")


@pytest.mark.parametrize(
    "text",
    ["Remind me to call mum at 5", "Delete old.txt", "send Anna an e-mail", "Set an alarm"],
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
