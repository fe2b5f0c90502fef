"""Where secrets lie on this machine. Start at `store.py`."""

from openclaw_desktop.system.secrets.keyring_store import KeyringStore
from openclaw_desktop.system.secrets.memory_only import MemoryOnlyStore
from openclaw_desktop.system.secrets.passphrase_file import PassphraseFile
from openclaw_desktop.system.secrets.store import SecretStore

__all__ = ["KeyringStore", "MemoryOnlyStore", "PassphraseFile", "SecretStore"]
