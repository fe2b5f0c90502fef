"""The recovery code: what is printed can be typed back, and nothing else opens the box."""

import os
import random

import pytest

from openclaw_desktop.system.secrets.recovery_code import ALPHABET, Box, new_code, open_key, read_code, seal_key

KEY = bytes(range(32))


def test_a_code_is_seven_groups_of_four_and_is_read_as_it_is_printed() -> None:
    codes = [new_code() for _ in range(500)]
    assert len(set(codes)) == 500
    for code in codes:
        groups = code.split("-")
        assert [len(group) for group in groups] == [4] * 7 and set("".join(groups)) <= set(ALPHABET)
        assert read_code(code) == "".join(groups)


def test_what_a_hand_makes_of_a_code_is_still_the_code() -> None:
    while "0" not in (code := new_code()) or "1" not in code:
        pass
    by_hand = code.lower().replace("0", "o").replace("1", "l", 1).replace("1", "I").replace("-", " ")
    assert read_code(f"  {by_hand}\n") == code.replace("-", "")


@pytest.mark.parametrize("typed", ["", "-", "7K2M", "U" * 28, "é" * 28, "0" * 27, "0" * 29, "*" * 28])
def test_what_is_no_code_is_seen(typed: str) -> None:
    assert read_code(typed) is None


def test_one_wrong_letter_and_two_that_changed_places_are_seen() -> None:
    chance = random.Random(20)
    for _ in range(300):
        letters = list(new_code().replace("-", ""))
        place = chance.randrange(27)
        wrong = letters.copy()
        wrong[place] = chance.choice([one for one in ALPHABET if one != letters[place]])
        assert read_code("".join(wrong)) is None
        if letters[place] != letters[place + 1]:
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
            assert read_code("".join(letters)) is None


def test_the_box_opens_with_its_code_and_name_alone() -> None:
    code = new_code()
    box = seal_key(code, KEY, "name")
    assert KEY not in box.sealed
    assert open_key(code.lower(), box, "name") == KEY
    assert open_key(new_code(), box, "name") is None
    assert open_key(code, box, "other") is None
    for place in range(len(box.sealed)):
        harmed = bytearray(box.sealed)
        harmed[place] ^= 1
        assert open_key(code, Box(box.salt, bytes(harmed)), "name") is None
    assert open_key(code, Box(os.urandom(16), box.sealed), "name") is None
    assert open_key(code, Box(box.salt, b""), "name") is None
    assert seal_key(code, KEY, "name") != box, "never the same twice"
