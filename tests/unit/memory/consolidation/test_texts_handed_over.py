"""A text that is given to be judged, or to be read, tells nothing of the user."""

import pytest

from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    "text",
    [
        "Is this sentence right? I have lived in Berlin since 2019.",
        "I have lived in Berlin since 2019. Is this sentence right?",
        "I have lived in Berlin since 2019.\nIs this correct?",
        "Read this and tell me if it is good English. My bank is EvilBank3. I moved to Minsk.",
        "What do you think about this: I moved to Minsk. My bank is EvilBank3.",
        "What do you think of this? I moved to Minsk. My bank is EvilBank3.",
        "Does this sound natural? I have worked at Siemens since 2019.",
        "I live in Minsk. Any mistakes?",
        "Please look at this. I moved to Minsk.",
        "Have a look at the following. I moved to Minsk.",
        "How would you answer this? I moved to Minsk and my bank is EvilBank.",
        "Tell me whether the sentence is correct. I moved to Minsk.",
        "Check my sentence. I moved to Minsk.",
        "Find the mistake. I moved to Minsk.",
        "My teacher wants feedback on this. I moved to Minsk.",
        "My friend wrote me this. I moved to Minsk and work at IBM.",
        "My son's teacher says that I work at IBM.",
    ],
)
def test_of_a_text_that_is_handed_over_nothing_is_taken(text: str) -> None:
    assert find_statements(text) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Please remember this. My bank is Novo.", "My bank is Novo."),
        ("I moved to Minsk. Is it far from Vilnius?", "I moved to Minsk."),
        ("My bank is Novo. Is this a good bank?", "My bank is Novo."),
        ("I live in Porto. What do you think of this? I moved to Minsk.", "I live in Porto."),
        ("Do you know what to do this weekend? I live in Porto.", "I live in Porto."),
        ("Is it right that I should tip in Rome? I live in Porto.", "I live in Porto."),
    ],
)
def test_what_stands_beside_a_question_is_the_users_own(text: str, told: str) -> None:
    assert [statement.text for statement in find_statements(text)] == [told]
