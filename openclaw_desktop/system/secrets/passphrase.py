"""The passphrase of an agent that starts with nobody at its terminal.

Owns where it is looked for. Must not know what it opens. Any thread; reads one small file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible

FILE_VARIABLE = "OPENCLAW_SECRETS_PASSPHRASE_FILE"
# systemd shows a unit's credentials (LoadCredential=, LoadCredentialEncrypted=) as files of this folder.
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
CREDENTIAL = "openclaw-passphrase"

_LIMIT_BYTES = 4096


def find_passphrase(environ: Mapping[str, str]) -> str | None:
    """Return the passphrase in the file that the environment names, without its line end; None where it names none.

    Raises UserError where the named file can't be read or says nothing.
    """
    if named := environ.get(FILE_VARIABLE):
        path = Path(named)
    elif folder := environ.get(CREDENTIALS_VARIABLE):
        path = Path(folder) / CREDENTIAL
        if not path.exists():
            return None
    else:
        return None
    try:
        with path.open("rb") as file:
            passphrase = file.read(_LIMIT_BYTES).decode().rstrip("\r\n")
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError:
        raise _unusable(path, tr("it is not UTF-8")) from None
    if not passphrase:
        raise _unusable(path, tr("it is empty"))
    return passphrase


def _unusable(path: Path, reason: str) -> UserError:
    return UserError(
        "passphrase_unreadable",
        tr("The passphrase can't be read from {path}: {reason}.", path=visible(str(path)), reason=reason),
        tr("Write it there on one line, in a file that you alone may read."),
    )
