"""What the level of the jail means, in a window of its own.

Owns these words for the tray. Must not know how the level is found: the agent's self-test proved it. Main thread, loop.
"""

from __future__ import annotations

from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.status_views import SandboxStatus
from openclaw_desktop.ui.window import Window

FULL_LEVEL = 3


def describe_level(level: int) -> str:
    """Return the level as a line of the menu."""
    if level >= FULL_LEVEL:
        return tr("Tools are walled off (level {level} of 3)", level=level)
    return tr("Tools are not fully walled off (level {level} of 3)…", level=level)


def explain_level(sandbox: SandboxStatus) -> tuple[str, ...]:
    """Return what a level means for the user: what holds, what does not, and what to do."""
    match sandbox.level:
        case 3:
            meaning = tr(
                "At its start the agent tried to break out of its own jail. Files that nobody allowed, the network, "
                "the limits and stray processes: all of it held."
            )
        case 2:
            meaning = tr(
                "At its start the agent tried to break out of its own jail, and not all of it held; what is missing "
                "stands below. openclaw-agent sandbox exec runs no script at this level."
            )
        case 1:
            meaning = tr(
                "A tool runs in a process of its own with limits, and nothing more: a hostile file that takes it over "
                "could read your files and reach the network. openclaw-agent sandbox exec runs no script at this level."
            )
        case _:
            meaning = tr(
                "There is no working jail here: a hostile file that takes a tool over can do what you can do. Let the "
                "agent read only what you trust. openclaw-agent sandbox exec runs no script at this level."
            )
    said = [meaning]
    if sandbox.layers:
        said.append(tr("In force: {layers}", layers=", ".join(map(visible, sandbox.layers))))
    if sandbox.reason:
        said.append(tr("Why it is not more: {reason}", reason=visible(sandbox.reason)))
    if sandbox.level < FULL_LEVEL:
        said.append(tr("openclaw-agent sandbox check shows each thing that was tried. On Linux a newer kernel helps."))
    return tuple(said)


async def explain_jail(sandbox: SandboxStatus) -> None:
    """Show what the level means until the user closes the window."""
    window = Window("jail_note")
    try:
        headline = tr("How tools are walled off: level {level} of 3", level=sandbox.level)
        column = window.begin(headline, *explain_level(sandbox))
        window.offer(column, ("close", tr("Close"), "primary"))
        window.present()
        await window.answer()
    finally:
        window.dismiss()
