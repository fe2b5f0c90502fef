"""What a front end may know and ask of the memory file's key.

Owns the values. Never the key itself; the recovery code once, when it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KeyPlace = Literal["keyring", "credential file", "none"]
# "keep": put the key that opens the file now where it belongs (again). "new_code": the printed code alone.
# "code_kept": the code that was made last has been shown.
KeyAction = Literal["on", "off", "new_key", "new_code", "keep", "code_kept"]


@dataclass(frozen=True, slots=True)
class EncryptionView:
    """What may be known of the file's key. `recovery_code`: there is one. `chosen`: somebody decided how it is.

    `code_kept`: that code has been shown; False where the program ended before, so that nobody has it.
    """

    encrypted: bool
    key: KeyPlace
    reason: str
    recovery_code: bool
    chosen: bool
    code_kept: bool = True


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What a change of the key did. `recovery_code`: shown this once, "" where none was made.

    `key_file`: where the key was written. `left`: files that still have their old key, or none.
    """

    encrypted: bool
    key: KeyPlace
    recovery_code: str = ""
    key_file: str | None = None
    left: tuple[str, ...] = ()
