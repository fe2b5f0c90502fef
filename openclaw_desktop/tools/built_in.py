"""The built-in tools, put together, and the plain requests that mean them.

Owns the list: a new tool is added here. Must not know how a tool works, nor where its parts come from. Loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.protocols import PlainForm, Tool
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.security.written import WrittenFiles
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.clipboard import choose_clipboard
from openclaw_desktop.system.opener import choose_opener
from openclaw_desktop.system.screenshot import choose_screenshots
from openclaw_desktop.tools import (
    commands,
    desktop_tools,
    file_changes,
    files,
    git,
    screenshot,
    sums,
    system_facts,
    undoing,
)
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.parsers import ParserHost
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.tools.personal import habits, notes, todos
from openclaw_desktop.tools.skills import script_tool, skill_tools
from openclaw_desktop.tools.skills.shelf import Shelf
from openclaw_desktop.tools.work_folder import WorkFolders
from openclaw_desktop.workers.tool_host import ToolHost

FORMS: tuple[PlainForm, ...] = (
    *undoing.PLAIN,
    *sums.PLAIN,
    *system_facts.PLAIN,
    *notes.PLAIN,
    *todos.PLAIN,
    *habits.PLAIN,
    *files.PLAIN,
    *file_changes.PLAIN,
    *desktop_tools.PLAIN,
    *commands.PLAIN,
    *skill_tools.PLAIN,
    *script_tool.PLAIN,
    *git.PLAIN,
    *screenshot.PLAIN,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tools stand in. `home`: the user's; `own`: the agent's own folders; `data_home`: XDG_DATA_HOME.

    `zone_name`: of the user's time zone; `read_time`: the moment that words mean; `skills`: the shipped and the
    installed ones; `pictures`: where screenshots are kept, None where none is taken.
    """

    home: Path
    own: tuple[Path, ...]
    data_home: Path
    environment: Mapping[str, str]
    version: str
    clock: Clock
    zone_name: Callable[[], str]
    read_time: Callable[[str], datetime | None]
    skills: tuple[Path, Path]
    pictures: Path | None = None


def make_built_in(
    database: Database, grants: GrantStore, jail: ToolHost, parsers: ParserHost, around: Surroundings
) -> tuple[Tool, ...]:
    """Return the tools over files, desktop and the user's own things; nothing is started before the first call."""
    finder = PathFinder(grants, around.home)
    labels = FileLabels(WrittenFiles(database, around.clock), grants)
    clipboard, opener = choose_clipboard(around.environment), choose_opener()
    shelf = Shelf(*around.skills)
    changes = (jail, finder, labels, around.data_home)
    return (
        files.ReadFileTool(jail, finder, labels, parsers),
        files.ListFolderTool(jail, finder),
        files.FindFilesTool(jail, finder),
        file_changes.WriteFileTool(*changes),
        file_changes.MakeFolderTool(*changes),
        file_changes.MoveFileTool(*changes),
        file_changes.TrashFileTool(*changes),
        commands.RunCommandTool(jail, finder, grants, around.own),
        desktop_tools.ReadClipboardTool(clipboard),
        desktop_tools.WriteClipboardTool(clipboard),
        desktop_tools.OpenFileTool(opener, finder),
        desktop_tools.OpenAddressTool(opener),
        sums.CalculateTool(jail),
        sums.ConvertTool(parsers),
        sums.DateTool(parsers, around.clock.now),
        sums.TimeElsewhereTool(parsers, around.clock.now, around.zone_name),
        system_facts.SystemFactsTool(around.home, around.version),
        notes.NotesTool(notes.NoteStore(database, around.clock), join),
        todos.TodosTool(todos.TodoStore(database), around.clock, around.read_time, join),
        skill_tools.ListSkillsTool(shelf),
        skill_tools.ReadSkillTool(shelf),
        script_tool.RunSkillScriptTool(shelf, jail, WorkFolders(finder, grants, around.own)),
        git.GitTool(jail, finder, grants, around.own),
        *_screen_tools(around),
        habits.HabitsTool(habits.HabitStore(database), around.clock, join),
    )


def _screen_tools(around: Surroundings) -> tuple[Tool, ...]:
    if around.pictures is None:
        return ()
    screen = choose_screenshots(around.environment)
    return (
        screenshot.ListWindowsTool(screen),
        screenshot.TakeScreenshotTool(screen, around.pictures, around.clock),
    )
