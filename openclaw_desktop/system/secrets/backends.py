"""Which keyring of this machine is used: known good ones alone.

Owns the list and its order. The library's own choice is not asked: it loads any plug-in that is installed, and takes
plaintext files as well. What the user configured for it counts: a good back end is used, any other one is refused by
its name, without being loaded. Runs in the thread of `TimeLimit`; asks the session bus.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "keyring.backends.SecretService.Keyring"
LIBSECRET = "keyring.backends.libsecret.Keyring"
KWALLET = "keyring.backends.kwallet.DBusKeyring"
KEYCHAIN = "keyring.backends.macOS.Keyring"
CREDENTIAL_LOCKER = "keyring.backends.Windows.WinVaultKeyring"

# The library's chain of all back ends: walking our own list is the same without the bad ones.
CHAIN = "keyring.backends.chainer.ChainerBackend"

BY_PLATFORM: Mapping[str, tuple[str, ...]] = {"darwin": (KEYCHAIN,), "win32": (CREDENTIAL_LOCKER,)}
ELSEWHERE = (SERVICE, LIBSECRET, KWALLET)


def choose_backend(platform: str = sys.platform) -> KeyringBackend:
    """Return the best keyring that works here; raises UserError where there is none, or one that must not be used."""
    names = BY_PLATFORM.get(platform, ELSEWHERE)
    chosen = configured_name(os.environ)
    if chosen is not None and chosen != CHAIN:
        if chosen not in names:
            raise _refused(chosen)
        names = (chosen,)
    from keyring.core import load_keyring

    for name in names:
        try:
            return load_keyring(name)
        except Exception:  # noqa: S112 - each back end has its own way to say that it is not here
            continue
    raise UserError("keyring_absent", tr("There is no keyring here that could keep a secret."), _start_one())


def configured_name(environ: Mapping[str, str]) -> str | None:
    """Return the back end that the user configured for every program, None where there is none."""
    if name := environ.get("PYTHON_KEYRING_BACKEND"):
        return name
    from keyring.util.platform_ import config_root

    config = configparser.RawConfigParser()
    try:
        config.read(config_root() / "keyringrc.cfg", encoding="utf-8")
        return config.get("backend", "default-keyring", fallback="").strip() or None
    except (OSError, UnicodeDecodeError, configparser.Error):
        # What was configured can't be known, so that nothing is taken for good.
        return "keyringrc.cfg"


def other_stores() -> str:
    """Return what to do where no keyring keeps the secret."""
    return tr("Or keep it in a file under a passphrase (--store file), or until the agent ends (--store session).")


def _start_one() -> str:
    return tr("Start one, such as gnome-keyring or KWallet.") + " " + other_stores()


def _refused(name: str) -> UserError:
    return UserError(
        "keyring_refused",
        tr("The keyring that is configured here, {name}, is not one that protects secrets.", name=visible(name)),
        tr("Configure the system's own.") + " " + other_stores(),
    )
