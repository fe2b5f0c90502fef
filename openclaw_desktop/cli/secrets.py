"""`openclaw-agent secret …`: secrets go from a person's keyboard, or a pipe, to their store.

Owns how they are read: without echo, and never from the command line, which every program on the machine can see. Must
not keep or print a value.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from openclaw_desktop.cli import output
from openclaw_desktop.cli.terminal import is_real_terminal, read_hidden, read_line
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import PassphraseNeed, SecretStoreName
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService, SecretView
from openclaw_desktop.system.secrets.core_dumps import forbid_core_dumps

PIPED_BYTES = 64 << 10


async def set_secret(service: AgentService, arguments: argparse.Namespace) -> int:
    """Keep a secret; without a usable keyring a person chooses where."""
    kept = await keep_secret(service, arguments, arguments.name, arguments.host, lambda: read_typed(arguments.name))
    if arguments.json:
        output.print_json(kept)
    else:
        output.say(tr("Kept {name} for {host} ({store}).", name=kept.name, host=kept.host, store=_place(kept)) + "\n")
    return ExitCode.DONE


async def keep_secret(
    service: AgentService,
    arguments: argparse.Namespace,
    name: str,
    host: str,
    read_value: Callable[[], Awaitable[str]],
) -> SecretView:
    """Keep what `read_value` gives, in `arguments.store` or where a person chooses; raises UserError."""
    store: SecretStoreName = arguments.store or "keyring"
    try:
        need = await service.check_secret_store(store)
    except UserError as error:
        store, need = await _choose_other(service, arguments, error)
    value = await read_value()
    try:
        return await service.set_secret(name, host, value, store, await _read_passphrase(need))
    except UserError as error:
        if store != "keyring":
            raise
        # A keyring that is there may still be locked.
        store, need = await _choose_other(service, arguments, error)
        return await service.set_secret(name, host, value, store, await _read_passphrase(need))


async def list_secrets(service: AgentService, arguments: argparse.Namespace) -> int:
    """List names, hosts and stores."""
    secrets = await service.list_secrets()
    if arguments.json:
        output.print_json({"secrets": secrets})
    elif secrets:
        output.say("\n".join(f"{secret.name:24} {secret.host:32} {_place(secret)}" for secret in secrets) + "\n")
    else:
        output.tell(tr("There are no secrets. Set one with: openclaw-agent secret set NAME --host HOST"))
    return ExitCode.DONE


async def remove_secret(service: AgentService, arguments: argparse.Namespace) -> int:
    """Forget one."""
    if not await service.remove_secret(arguments.name):
        raise UserError(
            "unknown_secret",
            tr("There is no secret {name}.", name=visible(arguments.name)),
            tr("openclaw-agent secret list shows them."),
        )
    if arguments.json:
        output.print_json({"removed": arguments.name})
    else:
        output.say(tr("Removed.") + "\n")
    return ExitCode.DONE


async def unlock_secrets(service: AgentService, arguments: argparse.Namespace) -> int:
    """Give the running agent the passphrase of its file."""
    need = await service.check_secret_store("file")
    if need != "none":
        await service.unlock_secrets(await read_typed(tr("the passphrase")))
    if arguments.json:
        output.print_json({"unlocked": True})
    else:
        output.say(tr("Unlocked until the agent ends.") + "\n")
    return ExitCode.DONE


async def with_passphrase(service: AgentService, run_verb: Callable[[], Awaitable[int]]) -> int:
    """Run a verb; where it needs a secret that is locked, ask the person for the passphrase and run it again.

    A request that gets no key was never sent, so that nothing happens twice.
    """
    try:
        return await run_verb()
    except UserError as error:
        if error.failure.code != "secrets_locked" or not is_real_terminal():
            raise
        output.tell(error.failure.sentence)
    await service.unlock_secrets(await _hidden(tr("Passphrase of the secrets' file: ")))
    return await run_verb()


async def _choose_other(
    service: AgentService, arguments: argparse.Namespace, error: UserError
) -> tuple[SecretStoreName, PassphraseNeed]:
    """Ask a person for another store in place of a keyring that can't be used; raises `error` where nobody chooses."""
    if arguments.store is not None or not error.failure.code.startswith("keyring_") or not is_real_terminal():
        raise error
    output.tell(error.failure.sentence)
    output.tell(tr("Where else shall it be kept?"))
    output.tell("  1) " + tr("in a file under a passphrase"))
    output.tell("  2) " + tr("in memory, until the agent ends"))
    output.tell("  3) " + tr("nowhere"))
    typed = (await read_line(tr("Your choice [{number}]: ", number=3)) or "").strip()
    choices: dict[str, SecretStoreName] = {"1": "file", "2": "session"}
    if typed not in choices:
        raise UserError("denied", tr("Nothing was kept."), exit_code=ExitCode.DENIED)
    store = choices[typed]
    return store, await service.check_secret_store(store)


async def read_typed(what: str) -> str:
    """Return what a person types unseen, or what a pipe holds."""
    forbid_core_dumps()
    if sys.stdin.isatty():
        return await _hidden(tr("Type or paste {what} (it is not shown): ", what=what))
    piped: bytes = await asyncio.to_thread(sys.stdin.buffer.read, PIPED_BYTES)
    return piped.decode("utf-8", "replace").rstrip("\r\n")


async def _read_passphrase(need: PassphraseNeed) -> str | None:
    if need == "none":
        return None
    if not sys.stdin.isatty():
        raise UserError(
            "passphrase_needed",
            tr("The file needs a passphrase, and there is no terminal to ask for it."),
            tr("Run this in a terminal, or name a file that holds it in OPENCLAW_SECRETS_PASSPHRASE_FILE."),
            ExitCode.FAILED,
        )
    if need == "typed":
        return await _hidden(tr("Passphrase of the secrets' file: "))
    output.tell(tr("This makes the secrets' file. Without its passphrase nobody can open it: not even you."))
    first = await _hidden(tr("A new passphrase, at least 8 characters: "))
    if first != await _hidden(tr("The same again: ")):
        raise UserError("passphrases_differ", tr("The two differ. Nothing was kept."), tr("Try again."))
    return first


async def _hidden(prompt: str) -> str:
    forbid_core_dumps()
    typed = await read_hidden(prompt)
    if typed is None:
        raise UserError("denied", tr("Nothing was kept."), exit_code=ExitCode.DENIED)
    return typed


def _place(secret: SecretView) -> str:
    return {
        "keyring": tr("in the keyring"),
        "file": tr("in the file under a passphrase"),
        "session": tr("until the agent ends"),
    }[secret.store]
