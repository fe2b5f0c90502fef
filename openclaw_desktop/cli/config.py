"""The verbs `config get` and `config set`.

Owns their words. Needs neither agent nor memory: the settings are a file of the user's. Must not know what a setting
does.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.settings import find_setting, load_settings, set_setting
from openclaw_desktop.system.paths import Home, prepare


def run(home: Home, arguments: argparse.Namespace) -> int:
    """Do the verb and return the exit code; raises UserError."""
    return _show(home, arguments) if arguments.action == "get" else _change(home, arguments)


def _show(home: Home, arguments: argparse.Namespace) -> int:
    """Show one setting, or all of them; "-" stands for one that is left open."""
    values = load_settings(home.settings_file).values()
    if arguments.name:
        find_setting(arguments.name)
        values = {arguments.name: values[arguments.name]}
    if arguments.json:
        output.print_json(values)
    elif arguments.name:
        output.say(_told(values[arguments.name]) + "\n")
    else:
        output.say("".join(f"{name:<36}  {_told(value)}\n" for name, value in values.items()))
    return ExitCode.DONE


def _change(home: Home, arguments: argparse.Namespace) -> int:
    """Change one setting; an empty value goes back to the default."""
    kind = find_setting(arguments.name)
    prepare(home)
    value = set_setting(home.settings_file, arguments.name, arguments.value).values()[arguments.name]
    if arguments.json:
        output.print_json({arguments.name: value})
    else:
        output.say(tr("{name} is now {value}.", name=arguments.name, value=_told(value)) + "\n")
    if not kind.live:
        output.tell(tr("An agent that runs takes it up when it starts anew."))
    return ExitCode.DONE


def _told(value: object) -> str:
    return "-" if value is None else visible(str(value))
