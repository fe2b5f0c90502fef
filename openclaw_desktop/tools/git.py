"""The tool over Git repositories of the user: status, log, diff, and a review of a change.

Owns what Git is asked and how its answers are worded. Must not know how a repository is opened safely
(`git_repository`), nor parse what Git prints itself: that is done in the jail. Loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.git_repository import Jails, Permissions, Printed, Repository, open_repository
from openclaw_desktop.workers.tool_host import CallFailed

DEFAULT_COUNT, MOST_COUNT = 20, 200
PARSE_TIMEOUT_S = 20.0
# A diff goes to the jail as one line, so not all of a huge one can.
PATCH_CHARS = 300_000
SHOWN_FILES, SHOWN_FINDINGS = 60, 40
_REVISION = r"[A-Za-z0-9_@][A-Za-z0-9_@./{}^~+#-]*"
LOG_FORMAT = "%h%x1f%an%x1f%ad%x1f%s"
_COMPARE = ("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--ignore-submodules=all", "-l500")
_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")


class Finds(Protocol):
    """Finds what a path in words means."""

    async def find(self, path: str, scene: CallScene) -> Path:
        """Return the canonical path; raises UserError."""
        ...


class GitTool:
    """Looks at a repository, and never changes one."""

    spec = ToolSpec(
        "git",
        "look at a Git repository of the user: its status, the log of commits, a diff, or a review of a change",
        {
            "type": "object",
            "properties": {
                "action": {"type": "string", "enum": ["status", "log", "diff", "review"]},
                "path": {"type": "string", "minLength": 1, "maxLength": 1000},
                "revision": {
                    "type": "string",
                    "maxLength": 200,
                    "pattern": f"^(?:{_REVISION})?$",
                    "description": "a commit, or A..B; without it what is not committed",
                },
                "file": {"type": "string", "maxLength": 1000, "description": "only this file of it"},
                "count": {"type": "integer", "minimum": 1, "maximum": MOST_COUNT},
            },
            "required": ["action", "path"],
            "additionalProperties": False,
        },
        "read",
        "file:read",
        ("path",),
        timeout_s=120.0,
    )

    def __init__(self, jails: Jails, finder: Finds, permissions: Permissions, own: Sequence[Path] = ()) -> None:
        """`own`: the agent's own folders, which no repository that is looked at may hold."""
        self._own = tuple(path.resolve() for path in own)
        self._jails = jails
        self._finder = finder
        self._permissions = permissions

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical folder of the whole repository that the path is in; raises UserError."""
        found = await self._finder.find(call.arguments["path"], scene)
        top = await asyncio.to_thread(_top_of, found)
        if top is None:
            raise UserError(
                "no_repository",
                tr("{path} is in no Git repository.", path=visible(str(found))),
                tr("Give the folder of one."),
            )
        self._permissions.check(top)
        if any(own.is_relative_to(top) for own in self._own):
            raise UserError(
                "own_folder",
                tr("{path} holds the agent's own files, so it is not looked at as a whole.", path=visible(str(top))),
                tr("Read single files of it instead."),
                ExitCode.DENIED,
            )
        frozen = with_arguments(call, path=str(top))
        if found != top and not frozen.arguments.get("file"):
            frozen = with_arguments(frozen, file=found.relative_to(top).as_posix())
        return frozen

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return what was asked; all of it is text that others may have written."""
        asked = call.arguments
        top, revision, file = Path(asked["path"]), asked.get("revision", ""), asked.get("file", "")
        if revision and not re.fullmatch(_REVISION, revision):
            raise UserError("bad_revision", tr("{revision} names no commit.", revision=visible(revision)))
        if "\0" in file or ".." in Path(file).parts or Path(file).is_absolute():
            raise UserError("bad_file", tr("Give the file as it is named within the repository."), "", ExitCode.USAGE)
        only = ("--", *([file] if file else []))
        label = Label("untrusted", "private", (f"git:{top}",))
        try:
            async with open_repository(self._jails, self._permissions, top) as repository:
                text, data = await _do(_Look(repository, only, revision), asked)
        except UserError as error:
            if error.failure.exit_code == ExitCode.DENIED:
                raise
            # What Git says of a failure may quote what others chose, such as the name of a file.
            return ToolResult("", label, error=error.failure.text)
        whole = visible_lines(text)
        shown = clip(whole, scene.result_tokens)
        if shown != whole:
            shown += tr("\n[cut: there is more]")
        receipt = Receipt("git.read", tr("looked at the repository {name}", name=visible(top.name)), call.id, str(top))
        return ToolResult(shown, label, (receipt,), data)


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    """One look at an opened repository. `only`: the end of Git's command line, with the file that is meant."""

    repository: Repository
    only: tuple[str, ...]
    revision: str

    async def status(self) -> tuple[str, Any]:
        found = await self._status("normal")
        lines = [_branch(found)]
        groups = (
            (tr("Staged:"), [_entry(e, e["index"]) for e in found["entries"] if e["index"] not in ("", "?", "U")]),
            (tr("Changed, not staged:"), [_entry(e, e["work"]) for e in found["entries"] if e["work"] not in "?U"]),
            (tr("In conflict:"), [_entry(e, "U") for e in found["entries"] if "U" in (e["index"], e["work"])]),
            (tr("Not known to Git:"), [_entry(e, "") for e in found["entries"] if e["index"] == "?"]),
        )
        for head, members in groups:
            if members:
                lines += [head, *_first(members, SHOWN_FILES)]
        if not found["entries"]:
            lines.append(tr("Nothing is changed."))
        return "\n".join(lines), found

    async def log(self, count: int) -> tuple[str, Any]:
        if not self.repository.has_commits and not self.revision:
            return tr("There are no commits yet."), []
        words = ("log", "-z", f"--max-count={count}", f"--format={LOG_FORMAT}", "--date=iso-strict",
                 "--no-show-signature", "--no-color", "--no-patch", self.revision or "HEAD", *self.only)  # fmt: skip
        printed = await self._git(words)
        commits = await self._parse("git.log", {"text": printed.text})
        lines = [f"{c['id']} {c['date'][:10]} {c['author']}: {c['subject']}" for c in commits]
        return "\n".join(lines) or tr("No commit fits."), commits

    async def diff(self) -> tuple[str, Any]:
        files, _ = await self._changed()
        patch = await self._patch()
        if not files:
            return tr("Nothing is changed."), {"files": []}
        note = tr("\n[the diff is longer than can be read]") if patch.truncated else ""
        return f"{_summary(files)}\n\n{patch.text}{note}", {"files": files}

    async def review(self) -> tuple[str, Any]:
        files, sizes = await self._changed()
        patch = await self._patch()
        cut = patch.truncated or len(patch.text) > PATCH_CHARS
        asked = {"files": files, "patch": patch.text[:PATCH_CHARS], "sizes": sizes}
        found = await self._parse("git.review", asked)
        findings, more = found["findings"], found["more"]
        if not self.revision:  # files that Git does not know yet are part of what will be committed
            entries = (await self._status("all"))["entries"]
            new = [entry["path"] for entry in entries if entry["index"] == "?"]
            beside = await self._parse("git.new_files", {"top": str(self.repository.top), "paths": new[:1000]}, True)
            files, findings, more = files + beside["files"], findings + beside["findings"], more + beside["more"]
        if not files:
            return tr("Nothing is changed."), {"files": [], "findings": []}
        worth = [f"- {_place(one)}: {_kind(one['kind'])}" for one in findings]
        lines = [_summary(files), ""]
        lines += [tr("Worth a look, by fixed rules:"), *_first(worth, SHOWN_FINDINGS)] if worth else [
            tr("The fixed rules found nothing to look at.")
        ]  # fmt: skip
        if more:
            lines.append(tr("[and {count} more]", count=more))
        if cut:
            lines.append(tr("The diff is longer than can be read: only its first part was looked at."))
        # What was found comes first and whole; of the diff itself as much as there is room for.
        lines += ["", patch.text]
        return "\n".join(lines), {"files": files, "findings": findings, "whole": not cut}

    async def _changed(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return what became of each file, and how large its new content is."""
        printed = await self._git((*self._range(), "--raw", "--numstat", "-z", "--abbrev=40", *_COMPARE, *self.only))
        files: list[dict[str, Any]] = await self._parse("git.changed", {"text": printed.text})
        blobs = {file["path"]: file["blob"] for file in files if set(file["blob"]) - {"0"}}
        here = [file["path"] for file in files if file["path"] not in blobs and file["kind"] != "D"]
        sizes: dict[str, int] = {}
        if blobs:
            asked = "".join(f"{blob}\n" for blob in blobs.values())
            told = await self._git(("cat-file", "--batch-check=%(objectsize)"), asked)
            for path, line in zip(blobs, told.text.splitlines(), strict=False):
                if line.isdecimal():
                    sizes[path] = int(line)
        if here:
            sizes |= await self._parse("git.file_sizes", {"top": str(self.repository.top), "paths": here}, True)
        return files, sizes

    async def _patch(self) -> Printed:
        return await self._git((*self._range(), "--patch", *_PREFIXES, *_COMPARE, *self.only))

    def _range(self) -> tuple[str, ...]:
        if ".." in self.revision:
            return ("diff", self.revision)
        if self.revision:
            return ("show", "--format=", "--diff-merges=first-parent", f"{self.revision}^{{commit}}")
        return ("diff", "HEAD") if self.repository.has_commits else ("diff", "--cached")

    async def _status(self, untracked: str) -> Any:
        words = ("status", "--porcelain=v2", "--branch", "-z", f"--untracked-files={untracked}",
                 "--ignore-submodules=all", *self.only)  # fmt: skip
        return await self._parse("git.status", {"text": (await self._git(words)).text})

    async def _git(self, words: Sequence[str], stdin: str = "") -> Printed:
        return await self.repository.git_says(_options_first(words), stdin)

    async def _parse(self, function: str, arguments: Mapping[str, Any], reads: bool = False) -> Any:
        read = (self.repository.top,) if reads else ()
        try:
            return await self.repository.jails.call(function, arguments, read=read, timeout_s=PARSE_TIMEOUT_S)
        except CallFailed as failure:
            raise UserError(
                failure.code, tr("What Git said could not be read: {reason}.", reason=str(failure).rstrip("."))
            ) from failure


async def _do(look: _Look, asked: Mapping[str, Any]) -> tuple[str, Any]:
    match asked["action"]:
        case "status":
            return await look.status()
        case "log":
            return await look.log(int(asked.get("count", DEFAULT_COUNT)))
        case "diff":
            return await look.diff()
        case _:
            return await look.review()


def _options_first(words: Sequence[str]) -> list[str]:
    """Return Git's words with the options before what is compared, as it wants them."""
    command, *rest = words
    end = rest.index("--") if "--" in rest else len(rest)
    options = [word for word in rest[:end] if word.startswith("-")]
    return [command, *options, *(word for word in rest[:end] if not word.startswith("-")), *rest[end:]]


def _top_of(path: Path) -> Path | None:
    """Return the nearest folder at or above `path` with a .git in it."""
    start = path if path.is_dir() else path.parent
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def _branch(found: Mapping[str, Any]) -> str:
    branch = tr("Branch {branch}", branch=found["branch"])
    if found["upstream"] and found["ahead"] is not None:
        branch += tr(
            ", {ahead} ahead of and {behind} behind {upstream}",
            ahead=found["ahead"], behind=found["behind"], upstream=found["upstream"],
        )  # fmt: skip
    return branch + "."


def _entry(entry: Mapping[str, str], letter: str) -> str:
    words = {"M": tr("changed"), "T": tr("of another kind"), "A": tr("new"), "D": tr("deleted"), "R": tr("renamed"),
             "C": tr("copied")}  # fmt: skip
    before = f"{entry['from']} -> " if entry["from"] else ""
    return f"  {before}{entry['path']}" + (f" ({words[letter]})" if letter in words else "")


def _summary(files: Sequence[Mapping[str, Any]]) -> str:
    added, removed = (sum(file[side] or 0 for file in files) for side in ("added", "removed"))
    head = tr("{count} files changed, {added} lines added, {removed} removed:",
              count=len(files), added=added, removed=removed)  # fmt: skip
    lines = []
    for file in files:
        before = f"{file['from']} -> " if file["from"] else ""
        counts = tr("no text") if file["added"] is None else f"+{file['added']} -{file['removed']}"
        lines.append(f"  {file['kind']} {before}{file['path']} ({counts})")
    return "\n".join([head, *_first(lines, SHOWN_FILES)])


def _first(lines: Sequence[str], most: int) -> list[str]:
    more = [tr("  [and {count} more]", count=len(lines) - most)] if len(lines) > most else []
    return [*lines[:most], *more]


def _place(finding: Mapping[str, Any]) -> str:
    return f"{finding['path']}:{finding['line']}" if finding["line"] else str(finding["path"])


def _kind(kind: str) -> str:
    """Return what a finding of `git_review_functions` means."""
    match kind:
        case "secret":
            return tr("this looks like a secret")
        case "conflict":
            return tr("a conflict mark was left")
        case "hidden":
            return tr("it holds characters that nobody sees")
        case "debug":
            return tr("a line for debugging was left")
        case "later":
            return tr("something is left to do")
        case "skipped_test":
            return tr("a test is skipped")
        case "tests_gone":
            return tr("tests were removed")
        case "key_file":
            return tr("such a file usually holds keys or passwords")
        case "link":
            return tr("it is a link")
        case "submodule":
            return tr("another repository is bound in")
        case "large":
            return tr("it is larger than 1 MB")
        case "executable":
            return tr("it can now be run")
        case "runs_by_itself":
            return tr("it is run without being called, when building, testing or opening the folder")
        case _:
            return tr("more than 1,000 lines changed")


_PLACE = r"(?:my |the )?(?:repository |repo |project )?(?P<path>(?:~|/)[\w/~.+-]*?)"


def _form(action: str, pattern: str) -> PlainForm:
    return PlainForm(
        re.compile(rf"(?:please )?{pattern}{_PLACE}(?: please)?[.?!]*", re.IGNORECASE),
        "git",
        lambda match: {"action": action, "path": match["path"]},
    )


PLAIN: tuple[PlainForm, ...] = (
    _form("status", r"(?:show (?:me )?(?:the )?|what(?:'s| is) the )?git status (?:of|in|for) "),
    _form("log", r"(?:show (?:me )?(?:the )?)?(?:git (?:log|history)|(?:last|recent|latest) commits) (?:of|in|for) "),
    _form("diff", r"(?:show (?:me )?(?:the )?)?git diff (?:of|in|for) "),
    _form("diff", r"what (?:has )?changed in "),
    _form("review", r"review (?:my |the )?(?:uncommitted )?changes (?:of|in) "),
)
