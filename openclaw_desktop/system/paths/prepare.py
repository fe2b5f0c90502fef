"""Making the folders of a home, and refusing those that are not ours.

Owns the marker file and the modes (folders 0700, files 0600). Everything that could be refused is looked at before
anything is changed. Must not know what the folders hold. Called once, before the loop starts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.paths.home import Home

_MARKER_TEXT = b"This folder belongs to OpenCLaw Desktop.\n"
# sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero byte.
_SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107


def prepare(home: Home) -> None:
    """Make `home`'s folders and its marker, and tighten the modes of what is there.

    Raises UserError; a home that is not ours, or that can't be used as it is, is then unchanged.
    """
    _check_socket_length(home)
    ours = home.marker.parent
    for folder in dict.fromkeys((ours, *home.folders)):
        _check(folder)
    _check_marker(home)
    for folder in dict.fromkeys((ours, *home.folders)):
        try:
            _make(folder)
            if folder == ours:
                # First of all, so that a start that is cut short can go on the next time.
                _write_marker(home.marker)
            if folder in (home.data, home.config):
                _tighten_files(folder)
        except OSError as error:
            raise _refusal(error, folder) from error


def _check_socket_length(home: Home) -> None:
    if sys.platform != "win32" and len(os.fsencode(home.socket)) > _SOCKET_PATH_BYTES:
        raise UserError(
            "home_path_long",
            tr("The path {path} is too long for this system.", path=visible(str(home.socket))),
            tr("Choose a home with a shorter path with --home or OPENCLAW_DESKTOP_HOME."),
        )


def _check(folder: Path) -> None:
    """Raise UserError if `folder` exists and is no folder of ours that we may write to."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        if folder.is_symlink():
            raise _refusal(FileExistsError(errno.EEXIST, "broken link"), folder) from None
        return
    except OSError as error:
        raise _refusal(error, folder) from error
    if not stat.S_ISDIR(status.st_mode):
        raise _refusal(FileExistsError(errno.EEXIST, "not a folder"), folder)
    if sys.platform != "win32" and status.st_uid != os.geteuid() and not folder.is_symlink():
        raise UserError(
            "home_foreign",
            tr("The folder {folder} belongs to another user, so nothing in it was touched.", folder=_shown(folder)),
            tr("Start the program as that user, or choose another folder with --home or OPENCLAW_DESKTOP_HOME."),
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _refusal(PermissionError(errno.EACCES, "not writable"), folder)


def _check_marker(home: Home) -> None:
    folder = home.marker.parent
    try:
        names = {entry.name for entry in os.scandir(folder)}
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal(error, folder) from error
    if home.root is None:
        # The folder bears our name, and models may be put there by hand before the first start.
        names.discard(home.models.name)
    if names and home.marker.name not in names:
        raise UserError(
            "home_not_ours",
            tr(
                "The folder {folder} is not empty and was not made by OpenCLaw Desktop, so nothing in it was touched.",
                folder=_shown(folder),
            ),
            tr(
                "Choose an empty folder with --home or OPENCLAW_DESKTOP_HOME; "
                "another program may use OPENCLAW_HOME for a folder of its own."
            ),
        )


def _make(folder: Path) -> None:
    """Make `folder` and its missing parents 0700 whatever the umask is; take others' rights from one that is there."""
    if not folder.exists():
        if not folder.parent.exists():
            _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)  # another program may be preparing the same home
        folder.chmod(0o700)
    elif not folder.is_symlink():  # a link's target may be shared on purpose
        _tighten(folder)


def _tighten(path: Path) -> None:
    """Take the rights of group and others away."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if sys.platform != "win32" and mode & 0o077:
        path.chmod(mode & 0o700)


def _tighten_files(folder: Path) -> None:
    for entry in os.scandir(folder):
        # What another program of ours makes and removes meanwhile needs no tightening.
        with contextlib.suppress(FileNotFoundError):
            if sys.platform != "win32" and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o177:
                    Path(entry.path).chmod(stat.S_IMODE(status.st_mode) & 0o600)


def _write_marker(marker: Path) -> None:
    try:
        descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        os.write(descriptor, _MARKER_TEXT)
    finally:
        os.close(descriptor)


def _refusal(error: OSError, folder: Path) -> UserError:
    """Turn what the system said about `folder` into a sentence."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return UserError(
                "home_disk_full",
                tr("The disk that holds {folder} is full.", folder=_shown(folder)),
                tr("Free some space and start again."),
            )
        case errno.EEXIST | errno.ENOTDIR:
            return UserError(
                "home_not_a_folder",
                tr("There is a file where the folder {folder} should be.", folder=_shown(folder)),
                tr("Move that file away, or choose another folder with --home or OPENCLAW_DESKTOP_HOME."),
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return UserError(
                "home_read_only",
                tr("The folder {folder} can't be written to.", folder=_shown(folder)),
                tr("Allow writing to it, or choose another folder with --home or OPENCLAW_DESKTOP_HOME."),
            )
    return UserError(
        "home_unusable",
        tr("The folder {folder} can't be used: {reason}.", folder=_shown(folder), reason=error.strerror or error),
        tr("Choose another folder with --home or OPENCLAW_DESKTOP_HOME."),
    )


def _shown(folder: Path) -> str:
    return visible(str(folder))
