"""What can go wrong with the key of the memory file, as sentences.

Owns the words. Must not know how anything is done.
"""

from __future__ import annotations

from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.key_record import HeldKey


def keyring_closed(error: UserError, code: bool) -> UserError:
    """The keyring that holds the key is locked, silent, broken or not there."""
    return UserError(
        f"key_{error.failure.code}",
        tr("The memory is encrypted, and its key can't be had.") + " " + error.failure.sentence,
        tr("Unlock or start the keyring, then start again.") + " " + _or_recover(code),
    )


def key_gone(state: HeldKey, code: bool) -> UserError:
    """The keyring answers, and does not have the key; or a key file is nowhere named."""
    where = tr("in the keyring") if state.holder == "keyring" else tr("in any key file that is named here")
    return UserError(
        "key_gone",
        tr("The memory is encrypted, and its key is not {where}.", where=where),
        tr("Bring the key back to where it was.") + " " + _or_recover(code),
    )


def other_key(path: Path) -> UserError:
    """A key file holds a key, but of something else."""
    return UserError(
        "key_other",
        tr("The key file {path} holds another key than the memory's.", path=visible(str(path))),
        tr("Name the right one in OPENCLAW_KEY_FILE.") + " " + _or_recover(code=True),
    )


def _or_recover(code: bool) -> str:
    if code:
        return tr("With the recovery code: openclaw-agent memory recover. Without key and code nobody can open it.")
    return tr("There is no recovery code: without the key nobody can open it.")


def keyring_refuses(error: UserError) -> UserError:
    """A new key could not be kept."""
    return UserError(
        error.failure.code,
        error.failure.sentence,
        tr("Nothing was changed. Unlock the keyring and try again, or keep the key in a file: --to file PATH"),
    )


def not_kept(place: str) -> UserError:
    """What was kept can't be read again."""
    return UserError(
        "key_not_kept",
        tr("The key could not be read again from {place}, so it was not used.", place=place),
        tr("Nothing was changed. Try another place: --to file PATH"),
    )


def beside_the_file(path: Path) -> UserError:
    """A key file among the files that it opens protects nothing."""
    return UserError(
        "key_beside_file",
        tr("A key in {path} would lie beside what it opens.", path=visible(str(path))),
        tr("Name a path on another disk or in another folder, such as one that systemd's LoadCredential= reads."),
        ExitCode.USAGE,
    )


def no_path(path: Path) -> UserError:
    """A name that no file can have."""
    return UserError(
        "key_path",
        tr("{path} is no path for a key file.", path=visible(str(path))),
        tr("Name another one. Nothing was changed."),
        ExitCode.USAGE,
    )


def copies_closed(error: UserError, name: str) -> UserError:
    """The file's own key can't be had, and a copy is to be restored."""
    return UserError(
        error.failure.code,
        error.failure.sentence,
        tr("Nothing was changed. With the recovery code: openclaw-agent backup restore {name} --code",
           name=visible(name)),
    )  # fmt: skip


def plain_copies(folder: Path) -> UserError:
    """Nothing but plain copies of an encrypted memory."""
    return UserError(
        "backups_plain",
        tr("The good copies in {folder} are not encrypted, but the memory was: anybody may have put them there.",
           folder=visible(str(folder))),
        tr("If you know one, name it: openclaw-agent backup restore NAME. It is encrypted then. "
           "openclaw-agent backup list shows them."),
    )  # fmt: skip


def replaced(file: Path) -> UserError:
    """A plain file where an encrypted one has to be: somebody put it there."""
    return UserError(
        "file_replaced",
        tr("{file} is not encrypted, but the memory was: another file is in its place.", file=visible(str(file))),
        tr("It was not used. Put back a backup (openclaw-agent backup restore), or, if you put that file there "
           "yourself, move {record} away.", record=_record_of(file)),
    )  # fmt: skip


def file_gone(file: Path, record: Path) -> UserError:
    """No file, but the record of its key."""
    return UserError(
        "file_gone",
        tr("The memory file {file} is gone. Nothing was begun in its place.", file=visible(str(file))),
        tr(
            "Put it back, or a backup: openclaw-agent backup restore. To begin anew, move {record} away.",
            record=visible(str(record)),
        ),
    )


def no_code(record: Path) -> UserError:
    """The record has no box."""
    return UserError(
        "no_recovery_code",
        tr("There is no recovery code for this memory: {record} holds none.", record=visible(str(record))),
        tr("Put a copy of that file back, if you have one (the backups folder has). Else only the key opens the file."),
    )


def wrong_code() -> UserError:
    """A code that is well-formed and not the one."""
    return UserError(
        "code_wrong",
        tr("That is not the recovery code of this memory."),
        tr("A newer code may have taken its place: try the one that was printed last. Nothing was changed."),
    )


def mistyped_code() -> UserError:
    """A code that nobody was ever given."""
    return UserError(
        "code_mistyped",
        tr("That is no recovery code: a letter is wrong, missing or too many."),
        tr("It has seven groups of four, such as 7K2M-9QXR-…. Type it again as it was printed."),
        ExitCode.USAGE,
    )


def not_encrypted() -> UserError:
    """Nothing to do with a key."""
    return UserError(
        "not_encrypted",
        tr("The memory is not encrypted, so it has no key and needs no code."),
        tr("To encrypt it: openclaw-agent memory encrypt"),
    )


def _record_of(file: Path) -> str:
    return visible(str(file.with_name("openclaw.key.json")))
