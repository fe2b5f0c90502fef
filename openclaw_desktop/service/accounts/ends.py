"""Both ends of the commands about accounts: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.service.accounts.views import AccountView
from openclaw_desktop.service.wire import encode

if TYPE_CHECKING:  # a front end that attaches has no use for it
    from openclaw_desktop.service.accounts.desk import AccountDesk

T = TypeVar("T")

ACCOUNT_COMMANDS = ("list_accounts", "add_account", "remove_account", "check_account")


class LocalAccounts(ABC):
    """`AccountCommands` of the agent's own process."""

    @property
    @abstractmethod
    def account_desk(self) -> AccountDesk:
        """Who does them."""

    async def list_accounts(self) -> tuple[AccountView, ...]:
        """List the accounts."""
        return self.account_desk.list()

    async def add_account(self, account: AccountView) -> AccountView:
        """Add one."""
        return self.account_desk.add(account)

    async def remove_account(self, name: str) -> AccountView:
        """Forget one."""
        return await self.account_desk.remove(name)

    async def check_account(self, name: str) -> tuple[str, ...]:
        """Log in to its servers."""
        return await self.account_desk.check(name)


class _Calls(Protocol):
    async def _call(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteAccounts:
    """`AccountCommands` at the other end of a socket."""

    async def list_accounts(self: _Calls) -> tuple[AccountView, ...]:
        """List the accounts."""
        return await self._call("list_accounts", tuple[AccountView, ...])

    async def add_account(self: _Calls, account: AccountView) -> AccountView:
        """Add one."""
        return await self._call("add_account", AccountView, account=encode(account))

    async def remove_account(self: _Calls, name: str) -> AccountView:
        """Forget one."""
        return await self._call("remove_account", AccountView, name=name)

    async def check_account(self: _Calls, name: str) -> tuple[str, ...]:
        """Log in to its servers."""
        return await self._call("check_account", tuple[str, ...], name=name)
