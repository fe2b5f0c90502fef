"""A small file that is written for another program to read.

Owns the writing alone. Must not know what stands in it. Blocking.
"""

from __future__ import annotations

from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible


def write_entry(path: Path, text: bytes, mode: int = 0o644) -> bool:
    """Put `text` into the file whole, with its folder; False where it was so already. Raises UserError."""
    try:
        if path.is_file() and not path.is_symlink() and path.read_bytes() == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.new")
        partial.unlink(missing_ok=True)
        partial.touch(mode=mode)
        partial.write_bytes(text)
        partial.chmod(mode)
        partial.replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    return True


def remove_entry(path: Path) -> bool:
    """Delete the file; False where there was none. Raises UserError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused(path, error) from error
    return True


def check_words(words: list[str]) -> None:
    """Raise UserError where a path has a character that no such file can hold."""
    for word in words:
        if not word.isprintable():
            raise UserError(
                "path_with_controls",
                tr("The path {path} has a character that no entry of this kind can hold.", path=visible(word)),
                tr("Move the program or the home to a folder with a plain name."),
            )


def _refused(path: Path, error: OSError) -> UserError:
    return UserError(
        "entry_not_written",
        tr("{path} can't be changed: {reason}.", path=visible(str(path)), reason=error.strerror or error),
        tr("Check that you may write there."),
    )
