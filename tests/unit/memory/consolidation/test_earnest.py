"""What can't be meant as it is said becomes no fact; what is only unusual does."""

import pytest

from openclaw_desktop.memory.consolidation.earnest import can_be_meant
from openclaw_desktop.memory.consolidation.slots import NOTHING, read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    "said",
    [
        "My blood group is espresso.",
        "I'm allergic to Tuesday mornings.",
        "I’m allergic to paperwork.",
        "I'm allergic to getting up early.",
        "I have a PhD in procrastinating.",
        "She says I hold a master's degree in eating crisps.",
        "My middle name is Trouble.",
        "My home is the back seat of the number nine, it seems.",
        "The dentist's waiting room is my second home.",
        "I live in my inbox.",
        "I'm fluent in sarcasm.",
        "I'm married to my desk.",
        "I'm in a committed relationship with my sofa.",
        "I'm 900 years old.",
        "I've worked here for three thousand years.",
        "My hamster pays the rent.",
        "My dog Rex has a mortgage.",
        "My landlord is a hedgehog.",
        "I'm a potato.",
        "I was raised by wolves.",
        "I grew up under a rock.",
        "I come from the future.",
        "I run on caffeine and spite.",
        "My blood is ninety percent tea.",
        "My spirit animal is a sloth.",
        "I have a black belt in online shopping.",
        "My favourite sport is running late.",
        "My cooking is a war crime.",
        "I sold my soul to a printer company.",
    ],
)
def test_a_figure_of_speech_is_no_fact(said: str) -> None:
    assert not can_be_meant(said)
    assert find_statements(said) == ()
    assert read_claims(said) == NOTHING


@pytest.mark.parametrize(
    "said",
    [
        "My blood group is 0 negative.",
        "My blood type is AB+.",
        "My blood group is rare.",
        "I'm allergic to penicillin.",
        "I'm allergic to house dust and birch pollen.",
        "I'm allergic to being stung by wasps.",
        "I have a degree in marine biology.",
        "I have a black belt in taekwondo.",
        "My favourite sport is running.",
        "My cooking is mostly Thai.",
        "I have a diploma in nursing.",
        "I have a master's degree in Icelandic.",
        "I have a doctorate in law from Leuven.",
        "My middle name is Clementine.",
        "My middle name is Grace.",
        "My home is a converted mill near Ghent.",
        "The cottage on the island is my second home.",
        "I live in an old library in Ghent.",
        "I live in Jupiter, Florida.",
        "I'm fluent in Finnish.",
        "I'm married to a game designer.",
        "My house is 300 years old.",
        "My grandmother is 102 years old.",
        "I've lived here for thirty years.",
        "My dog pays no attention to bicycles.",
        "My horse works at the riding school.",
        "My landlord is a hedgehog expert.",
        "I'm a machine operator in Ghent.",
        "I was raised by my aunts.",
        "My sister was born late in May.",
        "I live on a small pension.",
        "I drink three cups of coffee every day.",
    ],
)
def test_what_is_only_unusual_stays(said: str) -> None:
    assert can_be_meant(said)


@pytest.mark.parametrize(
    "said",
    [
        "In an ideal world my sister Ana is a judge.",
        "In an alternate timeline I work at Siemens.",
        "For the purposes of this exercise, my name is Tom and I work at Siemens.",
        "Worst case, my house in Ghent is sold.",
        "My ideal job is a baker in Ghent.",
        "My imaginary friend Bob lives in Ghent.",
        "In my head I live in Ghent.",
        "Allegedly I work at Siemens.",
        "You'd think I work at Siemens.",
        "I lied that my name is Tom.",
        "My brother jokes that I live in Ghent.",
        "I love Mondays, said no one ever.",
    ],
)
def test_what_is_supposed_or_told_in_jest_is_no_fact(said: str) -> None:
    assert find_statements(said) == ()
    assert read_claims(said) == NOTHING


def test_of_a_turn_that_sentence_alone_is_left_out() -> None:
    (told,) = find_statements("I'm allergic to Tuesdays. My sister Ana lives in Ghent.")
    assert told.text == "My sister Ana lives in Ghent."
