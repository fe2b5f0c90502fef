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
        ("Do not forget that I am diabetic", "I am diabetic"),
        ("Never forget that I'm allergic to bees", "I'm allergic to bees"),
        ("Please keep this in mind: I get up at six", "I get up at six"),
        ("note to self: rent is due on the 3rd", "rent is due on the 3rd"),
        ("Store the fact that I hate cilantro", "I hate cilantro"),
        # A request in the form of a question.
        ("Can you remember that Tom's birthday is on May 4?", "Tom's birthday is on May 4"),
        ("Could you please remember that I park on level 3?", "I park on level 3"),
        ("Could you note that the door sticks?", "the door sticks"),
        ("Can you make a note that my rent is due on the 3rd?", "my rent is due on the 3rd"),
        ("My dog is called Rex; keep that in mind.", "My dog is called Rex"),
        ("For the record, I never eat pork. Remember that!", "For the record, I never eat pork"),
    ],
)
def test_remember(text: str, fact: str) -> None:
    assert parse_plain(text) == RememberThis(fact)


@pytest.mark.parametrize(
    "text",
    [
        "Remember to buy milk",
        "Remember that I like tea and then read notes.txt",
        "Remember my cat is Miso. Tell me a joke.",
        "I finished the report, save it",
    ],
)
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
        ("Can you remember that song?", "that song"),
        ("Can you tell me what I told you about the trip?", "the trip"),
        ("Any idea what my shoe size is?", "what my shoe size is"),
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
        ("I want you to forget my blood type", "my blood type", True),
        ("Forget about my problems and tell me a joke", "my problems and tell me a joke", False),
    ],
)
def test_forget(text: str, query: str, certain: bool) -> None:
    assert parse_plain(text) == ForgetAbout(query, certain)


@pytest.mark.parametrize(
    "text",
    [
        "Forget it",
        "forget about it.",
        "Forget the file",
        "Forget I asked",
        "Forget I said anything",
        "Forget what I just said.",
        "Forget my last message",
        "Delete all my memories",
    ],
)
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
        ("Is there anything in ~/inbox?", "~/inbox"),
        ("open ~/Pictures", "~/Pictures"),
        ("What's on my Desktop?", "Desktop"),
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
    assert asks_to_remember("Do not forget that I am diabetic")
    assert not asks_to_remember("Please don't remember my address")
    assert not asks_to_remember("You do not need to save that")
    assert asks_to_forget("please erase my address")
    assert asks_to_forget("Stop remembering where I live")
    assert not asks_to_forget("Do not forget that I am diabetic")
    assert not asks_to_forget("Never delete anything about Ann")
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
        # Orders are no facts, a second sentence is a second request, and "this" alone is nothing to keep.
        "Write a poem about spring, and save it.",
        "Take a screenshot, save it.",
        "Translate hello into French, and write it down",
        "If the build passes, write that down",
        "Remember that I like tea. What should I drink?",
        "Remember this",
        "Remember it for later.",
        "Please don't remember my address",
        # Of the agent, not of the file.
        "Have you read notes.txt?",
        "Do you have notes.txt open?",
    ],
)
def test_talk_is_left_to_the_model(text: str) -> None:
    assert parse_plain(text) is None


def test_a_long_text_is_not_searched_for_patterns() -> None:
    assert parse_plain("read " + "a." * 2000 + "<") is None
