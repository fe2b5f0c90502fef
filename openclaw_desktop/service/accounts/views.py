"""What front ends see of accounts, and the commands about them.

Owns the values and the commands. Must not know how they are done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

AccountKind = Literal["mail", "calendar"]


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as the user gave it. `secret`, `smtp_secret`: names of passwords (`secret:NAME`), never their values.

    Mail: `address`, `imap`, `smtp` ("" where nothing can be sent), each a URL or HOST[:PORT]. Calendar: `url`, or the
    `path` of an ICS file, without user and secret.
    """

    name: str
    kind: AccountKind
    user: str
    secret: str
    address: str = ""
    imap: str = ""
    smtp: str = ""
    smtp_secret: str = ""
    url: str = ""
    path: str = ""


class AccountCommands(Protocol):
    """The commands about accounts. They are for the command line and the window, never for a tool."""

    async def list_accounts(self) -> tuple[AccountView, ...]:
        """List the accounts."""
        ...

    async def add_account(self, account: AccountView) -> AccountView:
        """Add an account under a new name and return it in its one form; raises UserError."""
        ...

    async def remove_account(self, name: str) -> AccountView:
        """Forget an account and what was granted for it; its password stays where it is. Raises UserError."""
        ...

    async def check_account(self, name: str) -> tuple[str, ...]:
        """Log in to each of its servers and return a sentence about each; raises UserError for the first that fails."""
        ...
