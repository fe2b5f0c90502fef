"""The words of `openclaw-agent`: verbs, flags and their help.

Owns the command line's grammar. Must not do anything.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any, NoReturn

from openclaw_desktop import __version__
from openclaw_desktop.core.text import tr


class _Parser(argparse.ArgumentParser):
    """Where it is `discreet` it repeats nothing of what was typed: among it may be a secret."""

    discreet = False

    def parse_known_args(self, *args: Any, **named: Any) -> Any:
        arguments, left_over = super().parse_known_args(*args, **named)
        if left_over and self.discreet:
            self.error("")
        return arguments, left_over

    def error(self, message: str) -> NoReturn:
        if self.discreet:
            message = tr(
                "these words are not understood. A secret's value is never given on the command line, where every "
                "program can read it: it is typed unseen, or piped in"
            )
        super().error(message)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; a wrong use exits with 2."""
    common = _Parser(add_help=False)
    common.add_argument("--home", type=Path, metavar="DIR", help=tr("keep everything under this folder"))
    common.add_argument("--json", action="store_true", help=tr("print one JSON document on stdout"))
    parser = _Parser(
        prog="openclaw-agent", description=tr("Your personal agent, without a screen."), allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"openclaw-agent {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, help_text: str) -> _Parser:
        return verbs.add_parser(name, help=help_text, description=help_text, parents=[common], allow_abbrev=False)

    ask = verb("ask", tr("ask one question"))
    ask.add_argument("text", metavar="TEXT", help=tr("the question; - reads it from standard input"))
    ask.add_argument("--no-tools", action="store_true", help=tr("talk only"))
    ask.add_argument("--incognito", action="store_true", help=tr("keep nothing of this"))
    ask.add_argument("--session", metavar="ID", help=tr("go on in this chat"))
    ask.add_argument("--approve", choices=("never", "ask"), help=tr("whether to ask before an action"))
    ask.add_argument("--file", metavar="PATH", action="append", default=[], help=tr("a file to read with the question"))
    ask.add_argument("--timeout", metavar="S", type=_seconds, help=tr("give up after so many seconds"))
    chat = verb("chat", tr("talk in the terminal"))
    chat.add_argument("--session", metavar="ID", help=tr("go on in this chat"))

    remember = verb("remember", tr("keep a fact"))
    remember.add_argument("text", metavar="TEXT")
    recall = verb("recall", tr("find what was kept"))
    recall.add_argument("query", metavar="QUERY")
    recall.add_argument("-k", type=_count, default=10, metavar="N", help=tr("at most so many"))
    forget = verb("forget", tr("erase memories"))
    forget.add_argument("ids", nargs="+", metavar="ID")

    model = verb("model", tr("list, fetch and choose models")).add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    _add_model_actions(model, common)

    grant = verb("grant", tr("what tools may touch")).add_subparsers(dest="action", metavar="ACTION", required=True)
    grant.add_parser("list", help=tr("what is allowed"), parents=[common])
    add = grant.add_parser("add", help=tr("allow something"), parents=[common])
    add.add_argument("capability", metavar="CAPABILITY", help="file:read")
    add.add_argument("scope", metavar="SCOPE", help=tr("a file or folder"))
    grant.add_parser("remove", help=tr("take it back"), parents=[common]).add_argument("grant", metavar="ID")

    secrets = verb("secret", tr("keys and tokens, each for one host"))
    secret = secrets.add_subparsers(dest="action", metavar="ACTION", required=True)
    keep = secret.add_parser("set", help=tr("keep one: typed unseen, or piped in"), parents=[common])
    keep.add_argument("name", metavar="NAME")
    keep.add_argument("--host", required=True, metavar="HOST", help=tr("the only host that it is sent to"))
    keep.add_argument("--store", choices=("keyring", "file", "session"), help=tr("where; the keyring if there is one"))
    secret.add_parser("list", help=tr("which there are, without their values"), parents=[common])
    secret.add_parser("remove", help=tr("forget one"), parents=[common]).add_argument("name", metavar="NAME")
    secret.add_parser("unlock", help=tr("give the agent the passphrase of its file"), parents=[common])
    for discreet in (secrets, *secret.choices.values()):
        discreet.discreet = True

    task = verb("task", tr("schedules in words")).add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_schedule(task.add_parser("next", help=tr("what a schedule means and when it is due"), parents=[common]))

    verb("status", tr("what runs and how well"))
    doctor = verb("doctor", tr("look for problems"))
    doctor.add_argument("--fix", action="store_true", help=tr("repair what can be repaired safely"))
    verb("serve", tr("run the agent without a screen"))
    return parser


def _add_model_actions(model: argparse._SubParsersAction[_Parser], common: _Parser) -> None:
    model.add_parser("list", help=tr("what there is"), parents=[common])
    fit = model.add_parser("fit", help=tr("what would run on this machine, and how well"), parents=[common])
    fit.add_argument("--context", type=_tokens, metavar="N", help=tr("tokens that a chat may have"))
    model.add_parser("pull", help=tr("fetch a model"), parents=[common]).add_argument("model", metavar="MODEL")
    model.add_parser("use", help=tr("choose a model"), parents=[common]).add_argument("model", metavar="MODEL")
    pause = model.add_parser("pause", help=tr("pause a download; pull goes on with it"), parents=[common])
    pause.add_argument("model", metavar="MODEL")
    own = model.add_parser("add", help=tr("take up a .gguf file of yours, or an endpoint"), parents=[common])
    own.add_argument("path", metavar="PATH|URL", help=tr("the file, used where it lies; or http(s)://HOST/v1"))
    own.add_argument("--copy", action="store_true", help=tr("copy the file into the models folder"))
    own.add_argument("--name", help=tr("what to call the endpoint"))
    own.add_argument("--key", metavar="secret:NAME", help=tr("the endpoint's key, by the name it is kept under"))
    own.add_argument("--model", metavar="MODEL", help=tr("the endpoint's model that model use NAME takes"))
    remove = model.add_parser(
        "remove", help=tr("delete a model and free its space, or forget an endpoint"), parents=[common]
    )
    remove.add_argument("model", metavar="MODEL")
    ledger = model.add_parser("ledger", help=tr("what the model cost: tokens, seconds, energy"), parents=[common])
    ledger.add_argument("--days", type=_count, default=1, metavar="N", help=tr("of so many days"))


def _add_schedule(coming: argparse.ArgumentParser) -> None:
    expression = tr("words such as 'every other Tuesday at 5pm', or a cron line")
    coming.add_argument("expression", metavar="EXPR", help=expression)
    coming.add_argument("--after", metavar="ISO", help=tr("count from this moment, not from now"))
    coming.add_argument("--tz", metavar="ZONE", help=tr("a time zone such as Europe/Berlin, not the system's"))
    coming.add_argument("-n", type=_count, default=3, metavar="N", help=tr("so many times"))


# argparse names the function where a ValueError reaches it, so none does.


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < 86_400:
            return value
    raise argparse.ArgumentTypeError(tr("it must be a number of seconds above 0 and below 86400"))


def _tokens(text: str) -> int:
    return _whole(text, 512, 1_048_576)


def _count(text: str) -> int:
    return _whole(text, 1, 1000)


def _whole(text: str, low: int, high: int) -> int:
    with contextlib.suppress(ValueError):
        if low <= (value := int(text)) <= high:
            return value
    raise argparse.ArgumentTypeError(tr("it must be a whole number from {low} to {high}", low=low, high=high))
