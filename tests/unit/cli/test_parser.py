"""A wrong value on the command line is a sentence, whatever was typed."""

import pytest

from openclaw_desktop.cli.parser import build_parser


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
