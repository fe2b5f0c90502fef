"""`openclaw-agent memory encrypt / decrypt / rekey / recover`: the key of the memory file, by hand.

Owns how a recovery code is shown (once) and read (unseen, or from a pipe; never from the command line). Must not know
how a key is kept, and keeps none.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Literal

from openclaw_desktop.cli import output
from openclaw_desktop.cli.terminal import is_real_terminal, read_hidden
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.memory.key_views import KeyAction, KeyChange
from openclaw_desktop.system.secrets.core_dumps import forbid_core_dumps
from openclaw_desktop.system.secrets.recovery_code import read_code

PIPED_BYTES = 4096


async def encrypt_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Encrypt the file."""
    return await _change(service, "on", arguments)


async def decrypt_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Make the file plain."""
    return await _change(service, "off", arguments)


async def rekey_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Give the file another key, and another code."""
    return await _change(service, "new_key", arguments)


async def recover_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Put the key that the code has opened the file with back where it belongs, or print a new code."""
    if arguments.new_code:
        return await _change(service, "new_code", arguments)
    return await _change(service, "off" if arguments.to and arguments.to[0] == "none" else "keep", arguments)


async def _change(service: AgentService, action: KeyAction, arguments: argparse.Namespace) -> int:
    forbid_core_dumps()
    # Only a recovery may name no place at all; elsewhere "none" would be taken for the usual one.
    holder, path = (None, None) if action == "off" else read_holder(getattr(arguments, "to", None))
    if action in ("on", "off", "new_key") and is_real_terminal():
        output.tell(tr("Writing the memory anew; the old file stays until the new one is verified…"))
    change = await service.change_encryption(action, holder, path)
    if arguments.json:
        output.print_json(change)
    else:
        output.say(describe_change(change) + "\n")
    for line in describe_left(change):
        output.tell(line)
    await note_shown(service, change)
    return ExitCode.DONE


async def note_shown(service: AgentService, change: KeyChange) -> None:
    """Say that a change's recovery code was printed, so that nobody is reminded of it."""
    if change.recovery_code:
        # Where the agent ended meanwhile, it reminds once too often.
        with contextlib.suppress(UserError):
            await service.change_encryption("code_kept")


def read_holder(words: list[str] | None) -> tuple[Literal["keyring", "file"] | None, str | None]:
    """Return what the words after --to mean; raises UserError where they mean nothing."""
    match words:
        case None:
            return None, None
        case ["keyring"]:
            return "keyring", None
        case ["file", path] if path:
            return "file", str(Path(path).expanduser().absolute())
    raise UserError(
        "key_place",
        tr("That is no place for a key."),
        tr("Write --to keyring, or --to file PATH."),
        ExitCode.USAGE,
    )


def describe_change(change: KeyChange) -> str:
    """Return what was done; with the recovery code, where one was made."""
    if not change.encrypted:
        return tr("The memory is not encrypted.")
    lines = [tr("The memory is encrypted; its key is in the keyring.")]
    if change.key == "credential file":
        lines = [tr("The memory is encrypted; its key is in {path}.", path=change.key_file or "?")]
    if change.recovery_code:
        lines += [
            "",
            tr("Recovery code, shown this once. Print it, or write it down, and keep it apart from this machine:"),
            "",
            f"    {change.recovery_code}",
            "",
            tr("With it, openclaw-agent memory recover opens the memory when the key is lost. An older code no longer "
               "does. Without key and code nobody can open the memory: not even you."),
        ]  # fmt: skip
    return "\n".join(lines)


def describe_left(change: KeyChange) -> list[str]:
    """Return what was not done, one line a file."""
    if not change.left:
        return []
    first = tr("These were left as they are, with their old key or none; delete them if they must not be read:")
    return [first, *(f"  {path}" for path in change.left)]


async def read_recovery_code(file: Path | None = None) -> str:
    """Return the code that a person types unseen, or that a pipe holds; raises UserError where it is none.

    `file`: what it shall open; a plain one needs none, and nobody is asked.
    """
    forbid_core_dumps()
    if file is not None:
        from openclaw_desktop.security.key_problems import not_encrypted
        from openclaw_desktop.storage.encryption import opens

        if opens(file, None):
            raise not_encrypted()
    if sys.stdin.isatty():
        typed = await read_hidden(tr("Recovery code (it is not shown): "))
    else:
        piped: bytes = await asyncio.to_thread(sys.stdin.buffer.readline, PIPED_BYTES)
        typed = piped.decode("utf-8", "replace")
    code = read_code(typed or "")
    if code is None:
        from openclaw_desktop.security.key_problems import mistyped_code

        raise mistyped_code()
    return code
