"""No secret, no content and no user's folder in what is logged or handed on."""

from __future__ import annotations

import logging

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.redaction import RedactingFormatter, describe_error, kind_of, redact, stacks_only

HOME = "/home/vera"
CANARY = "hunter2-CANARY"


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {CANARY}",
        f"password={CANARY}",
        f"the token is token: '{CANARY}'",
        f"https://vera:{CANARY}@mail.example/inbox",
        f"https://example.org/login?key={CANARY}#{CANARY}",
        f"got sk-{CANARY}aaaaaaaaaaaaaaaa",
        f"eyJhbGciOiJIUzI1NiJ9.{CANARY}",
        f'"api_key": "{CANARY}"',
        f"mail to {CANARY}@example.org",
    ],
)
def test_a_secret_does_not_stay(line: str) -> None:
    assert CANARY not in redact(line, HOME), redact(line, HOME)


def test_what_helps_stays() -> None:
    line = "worker inference ended by itself with -9 in /home/vera/.local/x: 12 kB at https://example.org:8443/a"
    assert (
        redact(line, HOME)
        == "worker inference ended by itself with -9 in ~/.local/x: 12 kB at https://example.org:8443"
    )
    assert redact("one\nline\x1b[31m", HOME) == "one line[31m"
    assert len(redact("x y " * 1000, HOME)) <= 500


def test_of_a_traceback_stay_places_and_kinds_alone() -> None:
    text = f"""Traceback (most recent call last):
  File "{HOME}/app/loop.py", line 12, in turn
    raise ValueError("{CANARY}")
ValueError: {CANARY}
{CANARY}: and more
Fatal Python error: Aborted

Current thread 0x00007f (most recent call first):
  File "/usr/lib/x.py", line 3 in select
apsw.SQLError: near "{CANARY}"
"""
    assert stacks_only(text, HOME).splitlines() == [
        '  File "~/app/loop.py", line 12, in turn',
        "ValueError",
        "Fatal Python error: Aborted",
        "Current thread 0x00007f (most recent call first):",
        '  File "/usr/lib/x.py", line 3 in select',
        "apsw.SQLError",
    ]


def fail() -> None:
    try:
        raise OSError(28, CANARY)
    except OSError as error:
        raise UserError("disk_full", CANARY) from error


def test_an_error_is_its_places_and_kinds() -> None:
    with pytest.raises(UserError) as raised:
        fail()
    text = describe_error(raised.value)
    assert CANARY not in text and "in fail" in text
    assert text.splitlines()[-1] == "OSError 28" and "disk_full" in text
    assert kind_of(ValueError(CANARY)) == "ValueError"


def test_a_record_has_no_words_of_an_error() -> None:
    formatter = RedactingFormatter()
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        record = logging.LogRecord(
            "a.b", logging.ERROR, "f", 1, "failed: %s (%r)", (error, 3), (type(error), error, None)
        )
        line = formatter.format(record)
        journal = RedactingFormatter(journal=True).format(record)
    assert CANARY not in line + journal
    assert " ERROR a.b: failed: ValueError (3)\n" in line
    assert all(part.startswith("<3>") for part in journal.splitlines())
    odd = logging.LogRecord("a", logging.INFO, "f", 1, "%d things", ("no number",), None)
    assert formatter.format(odd).endswith("INFO a: %d things")
