"""A wrong value on the command line is a sentence, whatever was typed."""

import pytest

from openclaw_desktop.cli.parser import build_parser

VALUE = "sk-canary-4f1c9b7e52"


@pytest.mark.parametrize("typed", ["", "x", "0", "-1", "1.5", "nan", "9" * 5000])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["model", "fit", "--context"], "it must be a whole number from 512 to 1048576"),
        (["model", "ledger", "--days"], "it must be a whole number from 1 to 1000"),
    ],
)
def test_a_number_that_is_none_is_a_sentence(
    words: list[str], sentence: str, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*words[:-1], f"{words[-1]}={typed}"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip().endswith(sentence)


@pytest.mark.parametrize("typed", ["x", "0", "-1", "nan", "inf"])
def test_seconds_that_are_none_are_a_sentence(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["ask", "hello", f"--timeout={typed}"])
    assert capsys.readouterr().err.strip().endswith("it must be a number of seconds above 0 and below 86400")


@pytest.mark.parametrize(
    "words",
    [
        "set key --host example.com {}", "set key {} --host example.com", "set --host example.com key --value={}",
        "set key --host example.com --value {}", "set key --host example.com --store {}",
        "set key --host example.com --json={}", "set key {}", "key {}", "{}", "--value {} set key", "list {}",
        "unlock {}", "remove key {}",
    ],
)  # fmt: skip
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["secret", *words.format(VALUE).split()])
    shown = capsys.readouterr()
    assert ended.value.code == 2 and VALUE not in shown.out + shown.err
    assert "A secret's value is never given on the command line" in shown.err


def test_other_words_too_many_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["recall", "tea", "coffee"])
    assert ended.value.code == 2 and "coffee" in capsys.readouterr().err


def test_a_secret_s_own_words_are_understood() -> None:
    words = build_parser().parse_args(["secret", "set", "key", "--host", "example.com", "--store", "file"])
    assert (words.action, words.name, words.host, words.store) == ("set", "key", "example.com", "file")
