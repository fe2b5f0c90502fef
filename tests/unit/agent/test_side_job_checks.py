"""Side jobs with a model that lies, breaks off and repeats itself; what is kept is what the source says.

The scripted model's real counterpart is tests/integration/test_side_jobs.py.
"""

import json
from typing import Any

import pytest
from scripted import ScriptedModel

from openclaw_desktop.agent.side_jobs import BATCH_SENTENCES, extract_facts, score_importance, summarise
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.core.tokens import estimate_tokens

UNTRUSTED = Label("untrusted", "private", ("file:/evil",))


def facts(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"facts": [{"sentence": number, "fact": fact} for number, fact in pairs]}


async def test_facts_carry_their_sentence_and_its_turn() -> None:
    model = ScriptedModel(facts((2, "The user never works on Fridays."), (3, "Tom lives in Leeds.")))
    told = [Passage("t1", "Hello! I never work on Fridays.", USER), Passage("t2", "Tom lives in Leeds.", UNTRUSTED)]
    found = await extract_facts(model, told)
    assert [(fact.text, fact.source.turn_id, fact.source.label, fact.worded) for fact in found] == [
        ("The user never works on Fridays.", "t1", USER, True),
        ("Tom lives in Leeds.", "t2", UNTRUSTED, True),
    ]
    (prompt,) = model.prompts
    assert (prompt.lane, prompt.job, prompt.temperature, prompt.stable) == ("background", "extract", 0.0, 1)
    assert prompt.messages[1].text == "1. Hello!\n2. I never work on Fridays.\n3. Tom lives in Leeds."


@pytest.mark.parametrize(
    "lie",
    [
        "The user works on Fridays.",
        "The user loves Fridays.",
        "The user never works on Mondays.",
        "The user, Bob, never works on Fridays.",
        "",
        "Fridays\nThe user never works on Fridays.",
    ],
)
async def test_a_lie_gives_way_to_the_sentence_itself(lie: str) -> None:
    (fact,) = await extract_facts(ScriptedModel(facts((1, lie))), [Passage("t1", "I never work on Fridays.", USER)])
    assert (fact.text, fact.worded) == ("I never work on Fridays.", False)


async def test_i_in_a_text_of_somebody_else_is_not_the_user() -> None:
    model = ScriptedModel(facts((1, "The user never swims.")))
    (fact,) = await extract_facts(model, [Passage("t1", "I never swim.", UNTRUSTED)])
    assert (fact.text, fact.source.label) == ("I never swim.", UNTRUSTED)


async def test_sentences_that_do_not_exist_and_repeats_are_left_out() -> None:
    model = ScriptedModel(
        facts(
            (0, "x"),
            (7, "x"),
            (True, "x"),
            ("1", "x"),
            (1, "The user has a cat."),
            (1, "The user hates cats."),
            (2, "A cat."),
        )
    )
    found = await extract_facts(model, [Passage("t1", "I have a cat. I have a cat.", USER)])
    assert [fact.text for fact in found] == ["The user has a cat."]


async def test_a_reply_that_broke_off_keeps_what_was_whole() -> None:
    whole = json.dumps(facts((1, "The user has a cat."), (2, "The user has a dog.")))
    told = [Passage("t1", "I have a cat. I have a dog.", USER)]
    (fact,) = await extract_facts(ScriptedModel(whole[:-14]), told)
    assert fact.text == "The user has a cat."
    for broken in ("", "nonsense", "[1, 2]", '{"facts": 3}', '{"facts": [{"sentence": 1}]}'):
        assert await extract_facts(ScriptedModel(broken), told) == ()


async def test_a_death_in_the_middle_leaves_no_trace() -> None:
    model = ScriptedModel(ScriptedModel.DIES, facts((1, "The user has a cat.")))
    (fact,) = await extract_facts(model, [Passage("t1", "I have a cat.", USER)])
    assert fact.text == "The user has a cat."


async def test_questions_are_no_facts_and_many_sentences_are_many_prompts() -> None:
    model = ScriptedModel(*[facts((1, "x")) for _ in range(2)])
    told = [Passage(f"t{n}", f"Do I like number {n}? I like number {n}.", USER) for n in range(BATCH_SENTENCES + 1)]
    found = await extract_facts(model, told)
    assert [fact.text for fact in found] == ["I like number 0.", f"I like number {BATCH_SENTENCES}."]
    assert "?" not in "".join(prompt.messages[1].text for prompt in model.prompts)


async def test_nothing_to_read_asks_nothing() -> None:
    assert await extract_facts(ScriptedModel(), [Passage("t1", "Really?", USER)]) == ()
    assert await summarise(ScriptedModel(), [], 100) == ()


TALK = [
    Passage("t1", "Good morning. We meet the bank on 4 May at 10:00.", USER),
    Passage(
        "t2", "The weather is fine today, and it was fine all of last week. Don't send the contract before that.", USER
    ),
]


async def test_a_summary_is_the_chosen_sentences_word_for_word() -> None:
    room = 40
    found = await summarise(ScriptedModel({"keep": [2, 99, "1", True, 4, 2]}), TALK, room)
    texts = [sentence.text for sentence in found]
    assert {"We meet the bank on 4 May at 10:00.", "Don't send the contract before that."} <= set(texts)
    assert sum(map(estimate_tokens, texts)) <= room
    assert [sentence.turn_id for sentence in found] == sorted(sentence.turn_id for sentence in found)


@pytest.mark.parametrize("broken", ["", "{}", '{"keep": 1}', '{"keep": [', '{"keep": []}'])
async def test_without_a_usable_reply_code_chooses(broken: str) -> None:
    texts = [sentence.text for sentence in await summarise(ScriptedModel(broken), TALK, 30)]
    assert "We meet the bank on 4 May at 10:00." in texts


async def test_what_fits_is_its_own_summary() -> None:
    assert len(await summarise(ScriptedModel(), TALK, 1000)) == 4


@pytest.mark.parametrize(
    ("level", "score"), [("none", 0.0), ("low", 0.25), ("some", 0.5), ("high", 0.75), ("vital", 1.0)]
)
async def test_a_score_has_five_steps(level: str, score: float) -> None:
    assert await score_importance(ScriptedModel({"importance": level}), TALK[0]) == score


@pytest.mark.parametrize(
    "broken", ["", "{}", '{"importance": 1}', '{"importance": "huge"}', '"vital"', '{"importance": ["vital"]}']
)
async def test_no_score_is_better_than_an_invented_one(broken: str) -> None:
    assert await score_importance(ScriptedModel(broken), TALK[0]) is None
