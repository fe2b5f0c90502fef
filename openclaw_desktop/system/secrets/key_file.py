"""A key in a file: how a machine without a keyring is given it.

Owns where such a file is looked for, its form (32 bytes as hex or base64, on one line) and who may read it. Must not
know what the key opens. Any thread; reads one small file.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.secrets.passphrase import CREDENTIALS_VARIABLE

KEY_BYTES = 32
FILE_VARIABLE = "OPENCLAW_KEY_FILE"
CREDENTIAL = "openclaw-key"

_LIMIT_BYTES = 1024


def key_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the key files that the environment names: the variable's, whether it is there or not, and systemd's."""
    named = environ.get(FILE_VARIABLE)
    found = [Path(named)] if named else []
    if folder := environ.get(CREDENTIALS_VARIABLE):
        credential = Path(folder) / CREDENTIAL
        found += [credential] if credential.exists() else []
    return tuple(found)


def read_key_file(path: Path, environ: Mapping[str, str]) -> bytes:
    """Return the key in `path`; raises UserError where it can't be read, others may read it, or it holds no key."""
    try:
        # A pipe or a device in its place would keep us waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(descriptor)
            content = os.read(descriptor, _LIMIT_BYTES) if stat.S_ISREG(status.st_mode) else None
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        raise _unusable(path, getattr(error, "strerror", None) or str(error)) from error
    if content is None:
        raise _unusable(path, tr("it is no ordinary file"))
    if sys.platform != "win32":
        # systemd gives its own copies a group's bits for an access list; what all may read is no secret anywhere.
        given = path.parent == Path(environ.get(CREDENTIALS_VARIABLE) or os.devnull)
        if stat.S_IMODE(status.st_mode) & (0o007 if given else 0o077):
            raise UserError(
                "key_file_open",
                tr("Other users may read the key file {path}, so it was not used.", path=visible(str(path))),
                tr("Make it yours alone (chmod 600), and change the key: openclaw-agent memory rekey"),
            )
    key = parse_key(content)
    if key is None:
        raise _unusable(path, tr("it does not hold 32 bytes as hex or base64"))
    return key


def write_key_file(path: Path, key: bytes) -> None:
    """Write `key` to a new file of mode 0600; raises UserError where it can't be written, or something is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, key.hex().encode() + b"\n")
            os.fsync(descriptor)
        except OSError:
            path.unlink(missing_ok=True)  # half a key would be in the way of the next try
            raise
        finally:
            os.close(descriptor)
    except FileExistsError:
        raise UserError(
            "key_file_exists",
            tr("{path} is there already, and was not written over.", path=visible(str(path))),
            tr("Name another path. Nothing was changed."),
            ExitCode.USAGE,
        ) from None
    except OSError as error:
        raise UserError(
            "key_file_not_written",
            tr("The key can't be written to {path}: {reason}.", path=visible(str(path)), reason=error.strerror),
            tr("Nothing was changed. Name a path in a folder where you may write."),
        ) from error


def parse_key(content: bytes) -> bytes | None:
    """Return 32 bytes from hex or base64; None where they are not in it."""
    # Editors of Windows begin a text with a mark.
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        key = bytes.fromhex(text.decode()) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, UnicodeDecodeError, binascii.Error):
        return None
    return key if len(key) == KEY_BYTES else None


def _unusable(path: Path, reason: str) -> UserError:
    return UserError(
        "key_file_unreadable",
        tr("The key can't be read from {path}: {reason}.", path=visible(str(path)), reason=reason),
        tr("Put the key file back, or open the memory with the recovery code: openclaw-agent memory recover"),
    )
