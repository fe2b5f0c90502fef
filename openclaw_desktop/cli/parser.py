"""The words of `openclaw-agent`: verbs, flags and their help.

Owns the command line's grammar. Must not do anything.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from openclaw_desktop import __version__
from openclaw_desktop.cli.job_parser import add_task_actions
from openclaw_desktop.cli.notices import add_notices
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

    _add_what_is_kept(verb)

    memory = verb("memory", tr("memory as a whole")).add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_memory_actions(memory, common)
    _add_key_actions(memory, common)
    memory.add_parser("consolidate", help=tr("read what was said for facts, now"), parents=[common])

    model = verb("model", tr("list, fetch and choose models")).add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    _add_model_actions(model, common)

    _add_tool_actions(verb("tool", tr("what the agent can do, and one call by hand")), common)
    grant = verb("grant", tr("what tools may touch")).add_subparsers(dest="action", metavar="ACTION", required=True)
    grant.add_parser("list", help=tr("what is allowed"), parents=[common])
    add = grant.add_parser("add", help=tr("allow something"), parents=[common])
    add.add_argument("capability", metavar="CAPABILITY", help=tr("such as file:read or network:fetch"))
    add.add_argument("scope", metavar="SCOPE", help=tr("a file or folder, a host, a command, …"))
    grant.add_parser("remove", help=tr("take it back"), parents=[common]).add_argument("grant", metavar="ID")

    _add_secrets(verb("secret", tr("keys and tokens, each for one host")), common)
    _add_accounts(verb("account", tr("mail and calendars")), common)
    add_task_actions(verb("task", tr("scheduled jobs and reminders")), common, _count, _seconds)

    _add_config(verb("config", tr("the settings")), common)
    _add_walls(verb, common)
    add_notices(verb("notify", tr("what the agent had to tell you")), common)
    _add_backup_actions(verb("backup", tr("copies of the memory")), common)

    _add_mcp_actions(verb("mcp", tr("servers of MCP, whose tools the agent may use")), common)
    _add_skill_actions(verb("skill", tr("instructions for kinds of work")), common)
    _add_sandbox(verb("sandbox", tr("the jail of tools and plugins")), common)
    _add_health(verb("health", tr("how the agent and its machine do over time")), common)
    _add_service(verb("service", tr("start the agent by itself, at login or with the machine")), common)
    _add_agent_verbs(verb)
    return parser


def _add_health(verb: _Parser, common: _Parser) -> None:
    health = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    metrics = health.add_parser("metrics", help=tr("memory, processor, latencies over time"), parents=[common])
    metrics.add_argument("series", nargs="?", default="", metavar="NAME", help=tr("a series; else the newest of each"))
    metrics.add_argument("--hours", type=_count, default=24, metavar="N", help=tr("of the last N hours"))
    presence = health.add_parser("presence", help=tr("when somebody is usually at this machine"), parents=[common])
    presence.add_argument("--forget", action="store_true", help=tr("forget it, and learn it anew"))


def _add_agent_verbs(verb: Callable[[str, str], _Parser]) -> None:
    onboard = verb("onboard", tr("the first run: what runs here, encryption, folders"))
    onboard.add_argument("--yes", action="store_true", help=tr("don't ask: take the defaults"))
    verb("status", tr("what runs and how well"))
    doctor = verb("doctor", tr("look for problems"))
    doctor.add_argument("--fix", action="store_true", help=tr("repair what can be repaired safely"))
    doctor.add_argument(
        "--bundle", type=Path, metavar="FILE.zip", help=tr("write what somebody who helps needs, without content")
    )
    _add_logs(verb("logs", tr("what the agent noted of late")))
    verb("serve", tr("run the agent without a screen"))


def _add_logs(logs: _Parser) -> None:
    logs.add_argument("-n", type=_count, default=50, metavar="N", help=tr("so many lines"))
    logs.add_argument("--follow", action="store_true", help=tr("go on with those that come"))
    levels = ("debug", "info", "warning", "error")
    logs.add_argument("--level", choices=levels, default="info", help=tr("only of this weight, or more"))


def _add_service(verb: _Parser, common: _Parser) -> None:
    service = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    install = service.add_parser("install", help=tr("start the agent by itself"), parents=[common])
    kinds = install.add_mutually_exclusive_group()
    kinds.add_argument("--tray", action="store_true", help=tr("the tray, when you log in"))
    kinds.add_argument("--system", action="store_true", help=tr("a service of this machine, with a user of its own"))
    install.add_argument("--no-start", action="store_true", help=tr("not now, only from the next time on"))
    remove = service.add_parser("remove", help=tr("no longer"), parents=[common])
    remove.add_argument("--system", action="store_true", help=tr("the service of this machine"))
    service.add_parser("status", help=tr("what starts the agent by itself"), parents=[common])


def _add_config(verb: _Parser, common: _Parser) -> None:
    config = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = config.add_parser("get", help=tr("show one, or all"), parents=[common])
    one.add_argument("name", nargs="?", default="", metavar="NAME", help=tr("such as model.threads"))
    change = config.add_parser("set", help=tr("change one"), parents=[common])
    change.add_argument("name", metavar="NAME", help=tr("such as model.threads"))
    change.add_argument("value", metavar="VALUE", help=tr('"" goes back to the default'))


def _add_walls(verb: Callable[[str, str], _Parser], common: _Parser) -> None:
    inbox = verb("inbox", tr("what waits for your answer")).add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    listed = inbox.add_parser("list", help=tr("what waits"), parents=[common])
    listed.add_argument("--all", action="store_true", help=tr("what was answered or expired, too"))
    for name, words in (("approve", tr("do it, once")), ("deny", tr("don't do it"))):
        inbox.add_parser(name, help=words, parents=[common]).add_argument("id", metavar="ID")
    audit = verb("audit", tr("what the tools did, and who allowed it")).add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    show = audit.add_parser("show", help=tr("the last rows"), parents=[common])
    show.add_argument("--last", type=_count, default=50, metavar="N", help=tr("so many"))
    audit.add_parser("verify", help=tr("is it as it was written?"), parents=[common])


def _add_mcp_actions(verb: _Parser, common: _Parser) -> None:
    mcp = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = mcp.add_parser("add", help=tr("take up the servers of an mcpServers JSON, as it is"), parents=[common])
    add.add_argument("form", metavar="FILE|-", nargs="?", default="-", help=tr("the file; - reads what is pasted"))
    add.add_argument("--name", default="", help=tr("what to call a server that stands there without a name"))
    for name, words in (("--read", tr("a folder or file that they may read")), ("--write", tr("one to change"))):
        add.add_argument(name, metavar="DIR", action="append", default=[], help=words)
    add.add_argument("--host", metavar="HOST", action="append", default=[], help=tr("a host that they may reach"))
    add.add_argument("--full-network", action="store_true", help=tr("no jail for the network: level 1"))
    add.add_argument("--timeout", metavar="S", type=_seconds, default=60.0, help=tr("how long a call may take"))
    add.add_argument("--store", choices=("keyring", "file", "session"), help=tr("where secrets are kept"))
    mcp.add_parser("list", help=tr("which there are"), parents=[common])
    show = {"show": tr("one of them with its tools"), "approve": tr("allow its tools as they are now")}
    switch = {"on": tr("use it"), "off": tr("don't use it"), "remove": tr("forget it")}
    for name, words in {**show, **switch}.items():
        mcp.add_parser(name, help=words, parents=[common]).add_argument("name", metavar="NAME")
    tools = mcp.add_parser("tools", help=tr("choose among its tools"), parents=[common])
    tools.add_argument("name", metavar="NAME")
    for name, words in (
        ("--on", tr("offer it")),
        ("--off", tr("don't offer it")),
        ("--reads", tr("it only reads: you say so")),
        ("--acts", tr("take that back")),
    ):
        tools.add_argument(name, metavar="TOOL", action="append", default=[], help=words)


def _add_skill_actions(verb: _Parser, common: _Parser) -> None:
    skill = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    skill.add_parser("list", help=tr("which there are"), parents=[common])
    for name, words in (("check", tr("say what is wrong with one")), ("install", tr("take one up"))):
        place = skill.add_parser(name, help=words, parents=[common])
        place.add_argument("path", type=Path, metavar="FOLDER|ARCHIVE")
    for name, words in (("approve", tr("allow one that changed")), ("remove", tr("remove one"))):
        skill.add_parser(name, help=words, parents=[common]).add_argument("name", metavar="NAME")


def _add_secrets(secrets: _Parser, common: _Parser) -> None:
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


def _add_accounts(verb: _Parser, common: _Parser) -> None:
    account = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = account.add_parser("add", help=tr("add one; its password is typed unseen, or piped in"), parents=[common])
    add.add_argument("name", metavar="NAME", help=tr("what to call it"))
    what = add.add_mutually_exclusive_group(required=True)
    what.add_argument("--mail", metavar="ADDRESS", help=tr("a mail account, and your address there"))
    what.add_argument("--calendar", metavar="URL|FILE", help=tr("a CalDAV server, or an ICS file of yours"))
    add.add_argument("--imap", metavar="HOST[:PORT]", help=tr("where mail is read; imap:// before it means STARTTLS"))
    add.add_argument("--smtp", metavar="HOST[:PORT]", help=tr("where mail is sent; smtp:// before it means STARTTLS"))
    add.add_argument("--user", metavar="USER", help=tr("what you log in with; the address if not given"))
    add.add_argument("--key", metavar="secret:NAME", help=tr("the password, by the name that it is kept under"))
    add.add_argument("--smtp-key", metavar="secret:NAME", help=tr("the one for sending, where the host is another"))
    add.add_argument("--store", choices=("keyring", "file", "session"), help=tr("where the password is kept"))
    add.add_argument("--read", action="store_true", help=tr("the agent may read it without asking"))
    account.add_parser("list", help=tr("which there are"), parents=[common])
    for name, words in (("check", tr("log in, and say what is there")), ("remove", tr("forget one"))):
        account.add_parser(name, help=words, parents=[common]).add_argument("name", metavar="NAME")
    for discreet in (verb, *account.choices.values()):
        discreet.discreet = True


def _add_sandbox(verb: _Parser, common: _Parser) -> None:
    sandbox = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    sandbox.add_parser("check", help=tr("try to break out, and say what holds"), parents=[common])
    execute = sandbox.add_parser("exec", help=tr("run a Python script in the jail of plugins"), parents=[common])
    for name, words in (("--read", tr("a folder or file that it may read")), ("--write", tr("one that it may change"))):
        execute.add_argument(name, metavar="DIR", action="append", default=[], help=words)
    execute.add_argument("--timeout", metavar="S", type=_seconds, help=tr("end it after so many seconds"))
    execute.add_argument("script", metavar="SCRIPT.py")
    execute.add_argument("arguments", metavar="ARG", nargs=argparse.REMAINDER)


def _add_forget(forget: _Parser) -> None:
    forget.add_argument("ids", nargs="+", metavar="ID")
    forget.add_argument("--dry-run", action="store_true", help=tr("only show what would go, and what would stay"))
    forget.add_argument("--quotes", action="store_true", help=tr("erase what speaks of it elsewhere, too"))
    forget.add_argument("--yes", action="store_true", help=tr("don't ask"))


def _add_what_is_kept(verb: Callable[[str, str], _Parser]) -> None:
    remember = verb("remember", tr("keep a fact"))
    remember.add_argument("text", metavar="TEXT")
    recall = verb("recall", tr("find what was kept"))
    recall.add_argument("query", metavar="QUERY")
    recall.add_argument("-k", type=_count, default=10, metavar="N", help=tr("at most so many"))
    _add_forget(verb("forget", tr("erase memories")))
    _add_feedback(verb("feedback", tr("say what you think of an answer")))


def _add_feedback(feedback: _Parser) -> None:
    feedback.add_argument("turn", metavar="TURN", help=tr("its turn_id, as ask --json prints it, or last"))
    feedback.add_argument(
        "opinion", nargs="?", metavar="up|down|none|TEXT", help=tr("without one, what you said before is shown")
    )


def _add_memory_actions(memory: argparse._SubParsersAction[_Parser], common: _Parser) -> None:
    def add(name: str, help_text: str, *ids: str) -> _Parser:
        action = memory.add_parser(name, help=help_text, parents=[common])
        for id_ in ids:
            action.add_argument(id_.lower(), metavar=id_)
        return action

    _add_forget(add("forget", tr("erase memories")))
    add("stats", tr("what is kept, and how near the limits are"))
    listed = add("list", tr("what is kept, newest first"))
    listed.add_argument("--tier", choices=("short", "medium", "long"), help=tr("only of this tier"))
    listed.add_argument("--kind", choices=("turn", "fact", "summary"), help=tr("only of this kind"))
    listed.add_argument("--since", metavar="DATE", help=tr("from this day on"))
    listed.add_argument("--contains", metavar="TEXT", help=tr("with these letters in it"))
    listed.add_argument("--all", action="store_true", help=tr("superseded and expired ones too"))
    listed.add_argument("-n", type=_count, default=20, metavar="N", help=tr("at most so many"))
    add("show", tr("one memory: what it was made of, and why it is believed"), "ID")
    edit = add("edit", tr("change a memory"), "ID")
    edit.add_argument("text", nargs="?", metavar="TEXT", help=tr("what it says from now on"))
    edit.add_argument("--importance", type=_share, metavar="0-1", help=tr("how important it is"))
    edit.add_argument("--valid-from", metavar="DATE", help=tr("from when on it holds; '' for always"))
    edit.add_argument("--valid-to", metavar="DATE", help=tr("until when it holds; '' for ever"))
    edit.add_argument("--expires", metavar="DATE", help=tr("when it is let go; '' for never"))
    add("pin", tr("keep a memory in mind, and for good"), "ID")
    add("unpin", tr("pin it no longer"), "ID")
    runs = add("runs", tr("what changed memories: edits, imports, consolidation"))
    runs.add_argument("run", nargs="?", type=_number, metavar="RUN", help=tr("show the changes of this one"))
    runs.add_argument("-n", type=_count, default=20, metavar="N", help=tr("at most so many"))
    undo = add("undo", tr("take a run back, the last one if none is named"))
    undo.add_argument("run", nargs="?", type=_number, metavar="RUN")
    export = add("export", tr("write all memories to a file, or to a folder of Markdown files"), "PATH")
    export.add_argument("--format", choices=("json", "markdown"), default="json", help=tr("json has all of it"))
    export.add_argument("--force", action="store_true", help=tr("overwrite an earlier export"))
    taken = add("import", tr("read memories of another program, or of another machine"), "PATH")
    forms = ("auto", "openclaw", "chatgpt", "claude", "jsonl")
    taken.add_argument("--from", dest="source", choices=forms, default="auto", help=tr("whose it is"))
    taken.add_argument("--mine", action="store_true", help=tr("you wrote what is marked as yours: it is trusted"))
    taken.add_argument("--yes", action="store_true", help=tr("don't ask"))
    tidy = add("tidy", tr("let memories age now, and those end whose end has come"))
    tidy.add_argument("--yes", action="store_true", help=tr("also where that is more than a fifth of them"))


def _add_key_actions(memory: argparse._SubParsersAction[_Parser], common: _Parser) -> None:
    def add(name: str, help_text: str, place: str) -> _Parser:
        action = memory.add_parser(name, help=help_text, parents=[common])
        if place:
            action.add_argument("--to", nargs="+", metavar=("keyring|file", "PATH"), help=place)
        return action

    where = tr("what holds the key: keyring, or file PATH")
    add("encrypt", tr("encrypt it"), where)
    add("decrypt", tr("encrypt it no longer"), "")
    add("rekey", tr("change its key"), where)
    recover = add("recover", tr("open it with the recovery code"), where + tr("; none decrypts it"))
    recover.add_argument("--new-code", action="store_true", help=tr("print another code; the old one is void"))
    recover.discreet = True


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


def _add_tool_actions(verb: _Parser, common: _Parser) -> None:
    tool = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    tool.add_parser("list", help=tr("which tools there are"), parents=[common])
    call = tool.add_parser("call", help=tr("call one"), parents=[common])
    call.add_argument("tool", metavar="NAME")
    call.add_argument("arguments", metavar="ARGS_JSON", nargs="?", default="{}")
    call.add_argument("--approve", choices=("never", "ask"), default="ask")


def _add_backup_actions(verb: _Parser, common: _Parser) -> None:
    backup = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    backup.add_parser("create", help=tr("make one now"), parents=[common])
    backup.add_parser("list", help=tr("which there are, and whether they are whole"), parents=[common])
    restore = backup.add_parser("restore", help=tr("put one in the place of the memory"), parents=[common])
    restore.add_argument("name", metavar="NAME", help=tr("its name, or latest: the newest that is whole"))
    restore.add_argument("--code", action="store_true", help=tr("with the recovery code, which is asked for"))
    restore.discreet = True
    discard = backup.add_parser("discard", help=tr("delete damaged files that were kept aside"), parents=[common])
    for asked in (restore, discard):
        asked.add_argument("--yes", action="store_true", help=tr("don't ask"))


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


def _number(text: str) -> int:
    return _whole(text, 1, 2**62)


def _share(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) <= 1:
            return value
    raise argparse.ArgumentTypeError(tr("it must be a number from 0 to 1"))


def _whole(text: str, low: int, high: int) -> int:
    with contextlib.suppress(ValueError):
        if low <= (value := int(text)) <= high:
            return value
    raise argparse.ArgumentTypeError(tr("it must be a whole number from {low} to {high}", low=low, high=high))
