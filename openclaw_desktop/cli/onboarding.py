"""`openclaw-agent onboard`: the first run, and any later one: what runs here, encryption, folders, start at login.

Owns the questions and their order. Whatever was decided before is told, not asked again. Must not know how anything is
done.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from openclaw_desktop.cli import output
from openclaw_desktop.cli.encryption import describe_change, describe_left, note_shown
from openclaw_desktop.cli.fit import describe_fit
from openclaw_desktop.cli.progress import pull_with_progress
from openclaw_desktop.cli.service import default_kind, install
from openclaw_desktop.cli.terminal import is_real_terminal, read_line
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService, GrantView, ModelView
from openclaw_desktop.service.lifecycle.launch import LaunchDesk
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyChange
from openclaw_desktop.service.models.fit_report import FitReport
from openclaw_desktop.system.paths import Home, find_home
from openclaw_desktop.system.secrets.core_dumps import forbid_core_dumps

_Say = Callable[[str], None]


@dataclass(slots=True)
class Onboarding:
    """What was found and decided, as `onboard --json` prints it. `recovery_code`: shown this once, else ""."""

    fit: FitReport
    model: str | None
    encryption: EncryptionView
    recovery_code: str = ""
    folders: list[str] = field(default_factory=list)
    left: tuple[str, ...] = ()
    launch: str | None = None


async def onboard(service: AgentService, arguments: argparse.Namespace) -> int:
    """Ask what there is to decide; with --yes take the defaults."""
    asks = not arguments.yes and is_real_terminal()
    if not asks and not arguments.yes:
        raise UserError(
            "nobody_to_ask",
            tr("There is nobody at a terminal to answer."),
            tr("openclaw-agent onboard --yes takes the defaults."),
            ExitCode.USAGE,
        )
    say = output.tell if arguments.json else lambda text: output.say(text + "\n")
    report = await service.fit_models()
    say(describe_fit(report))
    model = await _choose_model(service, say, asks)
    change = await _encrypt(service, say, asks)
    if change is not None and not arguments.json:
        say(describe_change(change))
        await note_shown(service, change)
    for line in describe_left(change) if change is not None else ():
        output.tell(line)
    grants = await _choose_folders(service, say, asks)
    launch = await _offer_launch(find_home(arguments.home, os.environ), say, asks)
    folders = [grant.scope for grant in grants]
    done = Onboarding(report, model, await service.encryption(), folders=folders, launch=launch)
    if change is not None:
        done.recovery_code, done.left = change.recovery_code, change.left
    if arguments.json:
        output.print_json(done)
        if change is not None:
            await note_shown(service, change)
    say(tr("Done. Ask something with: openclaw-agent ask TEXT, or in the window of openclaw-desktop."))
    return ExitCode.DONE


async def _choose_model(service: AgentService, say: _Say, asks: bool) -> str | None:
    """Return the id of the model that answers; where none is here, offer to fetch the one that suits most people."""
    models = await service.list_models()
    answering = next((model for model in models if model.chosen), None)
    if answering is not None:
        say(tr("{title} answers.", title=answering.title))
        return answering.id
    offered = _best(models)
    if offered is None:
        return None
    size = f"{offered.size_bytes // 1_000_000:,}"
    if asks and await _agrees(tr("Fetch {title} now ({size} MB)?", title=offered.title, size=size), True):
        try:
            if await pull_with_progress(service, offered.id):
                return offered.id
        except UserError as error:
            output.tell_failure(error.failure)
    say(tr("No model is here yet. Fetch one: openclaw-agent model pull {model}", model=offered.id))
    return None


def _best(models: tuple[ModelView, ...]) -> ModelView | None:
    chat = [model for model in models if model.kind == "chat" and not model.endpoint]
    return next((model for model in chat if model.recommended), chat[0] if chat else None)


async def _encrypt(service: AgentService, say: _Say, asks: bool) -> KeyChange | None:
    """Offer encryption once, on by default where a keyring can hold the key; what fails leaves the file as it is."""
    view = await service.encryption()
    if view.encrypted or view.chosen:
        say(view.reason)
        return None
    try:
        await service.check_secret_store("keyring")
    except UserError as error:
        say(error.failure.sentence)
        say(tr("So the memory is not encrypted. A file can hold the key: openclaw-agent memory encrypt --to file PATH"))
        return None
    if asks:
        answer = await _answer(tr("Encrypt the memory, with its key in your keyring?"), True)
        if answer is None:  # not a decision: the next time asks again
            return None
        if not answer:
            return await service.change_encryption("off")
    forbid_core_dumps()
    try:
        change = await service.change_encryption("on", "keyring")
    except UserError as error:
        output.tell_failure(error.failure)
        say(tr("The memory is not encrypted yet; openclaw-agent memory encrypt does it."))
        return None
    return change


async def _choose_folders(service: AgentService, say: _Say, asks: bool) -> tuple[GrantView, ...]:
    grants = await service.list_grants()
    if grants:
        say(tr("It may read: {folders}", folders=", ".join(grant.scope for grant in grants)))
    while asks:
        typed = (await read_line(tr("A folder that it may read without asking (Enter for none): ")) or "").strip()
        if not typed:
            break
        try:
            await service.add_grant("file:read", _whole(typed))
        except UserError as error:
            output.tell_failure(error.failure)
        except RuntimeError:  # "~nobody"
            output.tell(tr("There is no such folder."))
    return await service.list_grants()


async def _offer_launch(home: Home, say: _Say, asks: bool) -> str | None:
    """Offer to start the agent at login; nothing starts by itself that nobody asked for."""
    desk = LaunchDesk(home)
    if installed := desk.installed():
        say(tr("It starts by itself: {place}", place=next(view.place for view in desk.views() if view.installed)))
        return installed[0]
    kind = default_kind(desk)
    if kind is None:
        return None
    if asks and await _agrees(tr("Start the agent by itself when you log in?"), False):
        try:
            _, lines = await install(home, desk, kind, start=False)
        except UserError as error:
            output.tell_failure(error.failure)
            return None
        for line in lines:
            say(line)
        return kind
    say(tr("It does not start by itself; openclaw-agent service install has it do so."))
    return None


def _whole(folder: str) -> str:
    return str(Path(folder).expanduser().absolute())


async def _agrees(question: str, default: bool) -> bool:
    # The input ended: nothing is done that nobody asked for.
    return bool(await _answer(question, default))


async def _answer(question: str, default: bool) -> bool | None:
    answer = await read_line(question + (" [Y/n] " if default else " [y/N] "))
    if answer is None:
        return None
    return answer.strip().lower() in ("y", "yes") or (default and not answer.strip())
