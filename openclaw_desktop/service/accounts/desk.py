"""The accounts for mail and calendars, as front ends manage them.

Owns what is checked before an account is kept, and what goes with one that is removed. Must not know any front end, nor
a password. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.broker.hosts import parse_url
from openclaw_desktop.security.grants import GrantStore, canonical_path
from openclaw_desktop.service.accounts.views import AccountView
from openclaw_desktop.tools.accounts import (
    SECRET,
    Account,
    AccountBook,
    Kind,
    check_name,
    parse_server,
    server_url,
)
from openclaw_desktop.tools.mail.addresses import clean_address

# All that trying an account may take, however slowly its servers go on answering.
CHECK_S = 90
# Logs in with an account and returns a sentence about each of its servers; raises UserError.
Check = Callable[[Account], Awaitable[tuple[str, ...]]]


class AccountDesk:
    """Answers for the accounts. `checks`: how an account of each kind is tried."""

    def __init__(self, book: AccountBook, grants: GrantStore, checks: Mapping[Kind, Check]) -> None:
        self._book = book
        self._grants = grants
        self._checks = checks

    def list(self) -> tuple[AccountView, ...]:
        """Return the accounts."""
        return tuple(_view(account) for account in self._book.all())

    def add(self, wanted: AccountView) -> AccountView:
        """Keep an account under a new name; raises UserError."""
        account = _account(wanted)
        if any(known.name == account.name for known in self._book.all()):
            # What is allowed for a name must not come to mean another server.
            raise UserError(
                "account_exists",
                tr("There is an account {name} already.", name=account.name),
                tr("Choose another name, or remove that one first: openclaw-agent account remove {name}",
                   name=account.name),
                ExitCode.USAGE,
            )  # fmt: skip
        self._book.put(account)
        return _view(account)

    async def remove(self, name: str) -> AccountView:
        """Forget an account and the grants for it; raises UserError."""
        account = self._get(name)
        # First: were it cut off in between, they would be there for whoever gets that name next.
        for stored in await self._grants.list():
            family, scope = stored.grant.capability.partition(":")[0], stored.grant.scope
            if family == account.kind and (scope == account.name or scope.startswith(f"{account.name}/")):
                await self._grants.remove(stored.id)
        self._book.remove(account.name)
        return _view(account)

    async def check(self, name: str) -> tuple[str, ...]:
        """Log in to its servers and say what is there; raises UserError."""
        account = self._get(name)
        try:
            async with asyncio.timeout(CHECK_S):
                return await self._checks[account.kind](account)
        except TimeoutError:
            raise UserError(
                "too_slow",
                tr("The servers of {name} did not answer within {count} seconds.", name=account.name, count=CHECK_S),
                tr("Try again later."),
            ) from None

    def _get(self, name: str) -> Account:
        found = next((account for account in self._book.all() if account.name == name), None)
        if found is None:
            raise UserError(
                "unknown_account",
                tr("There is no account {name}.", name=visible(name[:80])),
                tr("openclaw-agent account list shows them."),
            )
        return found


def _account(wanted: AccountView) -> Account:
    """Return an account in its one form; raises UserError where it makes no sense."""
    name, user = check_name(wanted.name), wanted.user.strip()
    if wanted.kind == "calendar" and wanted.path:
        return Account(name, "calendar", "", "", path=str(canonical_path(wanted.path)))
    if not user or not user.isprintable() or len(user) > 200:
        raise UserError("wrong_user", tr("Name the user to log in as."), "", ExitCode.USAGE)
    if not all(SECRET.fullmatch(s) for s in (wanted.secret, *([wanted.smtp_secret] if wanted.smtp_secret else []))):
        raise UserError(
            "key_typed",
            tr("A password is given by its name, as secret:NAME, never itself."),
            tr("Keep it first with openclaw-agent secret set NAME --host HOST."),
            ExitCode.USAGE,
        )
    if wanted.kind == "calendar":
        if ":" in user:
            raise UserError("wrong_user", tr("A user's name can't have a colon in it."), "", ExitCode.USAGE)
        return Account(name, "calendar", user, wanted.secret, url=parse_url(wanted.url).url)
    smtp = parse_server(wanted.smtp, "smtp") if wanted.smtp else None
    return Account(
        name,
        "mail",
        user,
        wanted.secret,
        clean_address(wanted.address),
        parse_server(wanted.imap, "imap"),
        smtp,
        (wanted.smtp_secret or wanted.secret) if smtp else "",
    )


def _view(account: Account) -> AccountView:
    return AccountView(
        account.name,
        account.kind,
        account.user,
        account.secret,
        account.address,
        server_url(account.imap, "imap") if account.imap else "",
        server_url(account.smtp, "smtp") if account.smtp else "",
        account.smtp_secret,
        account.url,
        account.path,
    )
