"""The verbs `account add / list / check / remove`.

Owns their words, and how a password gets from a person's keyboard (or a pipe) to its store: it is never given on the
command line. Must not know what a server answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from openclaw_desktop.cli import output
from openclaw_desktop.cli.secrets import keep_secret, read_typed
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.broker.hosts import parse_url
from openclaw_desktop.service.accounts.views import AccountView
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.tools.accounts import check_name, parse_server
from openclaw_desktop.tools.mail.addresses import clean_address


async def add_account(service: AgentService, arguments: argparse.Namespace) -> int:
    """Add an account, keep its password, and try it; one that can't be reached by now is added all the same."""
    wanted, places = _wanted(arguments)
    accounts = await service.list_accounts()
    if any(known.name == wanted.name for known in accounts):
        raise UserError(
            "account_exists",
            tr("There is an account {name} already.", name=wanted.name),
            tr("Choose another name, or remove that one first: openclaw-agent account remove {name}", name=wanted.name),
            ExitCode.USAGE,
        )
    used = {secret for known in accounts for secret in (known.secret, known.smtp_secret)}
    if any(f"secret:{name}" in used for name in places):
        raise UserError(
            "secret_taken",
            tr("Its password would take the place of another account's."),
            tr("Choose another name than {name}.", name=wanted.name),
            ExitCode.USAGE,
        )
    await _keep_password(service, arguments, places)
    try:
        added = await service.add_account(wanted)
    except UserError:
        for name in places:
            await service.remove_secret(name)
        raise
    if arguments.read:
        await service.add_grant(f"{added.kind}:read", added.name)
    if arguments.json:
        output.print_json(added)
    else:
        output.say(tr("Added {name}.", name=added.name) + "\n")
    try:
        for sentence in await service.check_account(added.name):
            output.tell(sentence)
    except UserError as error:
        output.tell_failure(error.failure)
        output.tell(tr("It is kept. Try it again with: openclaw-agent account check {name}", name=added.name))
    return ExitCode.DONE


async def _keep_password(service: AgentService, arguments: argparse.Namespace, places: Mapping[str, str]) -> None:
    """Read the password once, and keep it for each host."""
    typed: list[str] = []

    async def value() -> str:
        if not typed:
            typed.append(await read_typed(tr("the password of {name}", name=arguments.name)))
        return typed[0]

    for name, host in places.items():
        await keep_secret(service, arguments, name, host, value)


async def list_accounts(service: AgentService, arguments: argparse.Namespace) -> int:
    """List the accounts."""
    accounts = await service.list_accounts()
    if arguments.json:
        output.print_json({"accounts": accounts})
    elif accounts:
        output.say("\n".join(_describe(account) for account in accounts) + "\n")
    else:
        output.tell(tr("There is no account yet. Add one: openclaw-agent account add --help"))
    return ExitCode.DONE


async def check_account(service: AgentService, arguments: argparse.Namespace) -> int:
    """Log in to each server of an account."""
    said = await service.check_account(arguments.name)
    if arguments.json:
        output.print_json({"name": arguments.name, "said": said})
    else:
        output.say("\n".join(said) + "\n")
    return ExitCode.DONE


async def remove_account(service: AgentService, arguments: argparse.Namespace) -> int:
    """Forget an account, what was granted for it, and the password that was kept with it."""
    removed = await service.remove_account(arguments.name)
    used = {secret for left in await service.list_accounts() for secret in (left.secret, left.smtp_secret)}
    for secret in dict.fromkeys((removed.secret, removed.smtp_secret)):
        own = secret in (_secret(removed.name), _secret(removed.name, "-smtp"))
        if own and secret not in used:
            await service.remove_secret(secret.removeprefix("secret:"))
    if arguments.json:
        output.print_json({"removed": removed.name})
    else:
        output.say(tr("Removed {name}.", name=removed.name) + "\n")
    return ExitCode.DONE


def _wanted(arguments: argparse.Namespace) -> tuple[AccountView, dict[str, str]]:
    """Return the account that is wanted, and the hosts that its password is to be kept for, by the secrets' names."""
    name = check_name(arguments.name)
    if arguments.calendar:
        return _calendar(name, arguments)
    if not arguments.imap:
        raise UserError("no_imap", tr("A mail account needs --imap HOST."), "", ExitCode.USAGE)
    address, imap = clean_address(arguments.mail), parse_server(arguments.imap, "imap")
    smtp = parse_server(arguments.smtp, "smtp") if arguments.smtp else None
    secret, places = arguments.key, {}
    if secret is None:
        secret = _secret(name)
        places[secret.removeprefix("secret:")] = imap.host
    smtp_secret = arguments.smtp_key
    if smtp is not None and smtp_secret is None:
        smtp_secret = secret
        if smtp.host != imap.host:
            if arguments.key is not None:
                raise UserError(
                    "no_smtp_key",
                    tr("{host} is another host, and a password is bound to one.", host=smtp.host),
                    tr("Name the one for sending with --smtp-key secret:NAME."),
                    ExitCode.USAGE,
                )
            smtp_secret = _secret(name, "-smtp")
            places[smtp_secret.removeprefix("secret:")] = smtp.host
    view = AccountView(
        name, "mail", arguments.user or address, secret, address, arguments.imap, arguments.smtp or "",
        smtp_secret or "",
    )  # fmt: skip
    return view, places


def _calendar(name: str, arguments: argparse.Namespace) -> tuple[AccountView, dict[str, str]]:
    place = arguments.calendar
    if "://" not in place:
        return AccountView(name, "calendar", "", "", path=str(Path(place).expanduser().absolute())), {}
    if not arguments.user:
        raise UserError("no_user", tr("A calendar on a server needs --user USER."), "", ExitCode.USAGE)
    host = parse_url(place).host
    secret = arguments.key or _secret(name)
    places = {} if arguments.key else {secret.removeprefix("secret:"): host}
    return AccountView(name, "calendar", arguments.user, secret, url=place), places


def _secret(name: str, ending: str = "") -> str:
    return f"secret:account-{name}{ending}"


def _describe(account: AccountView) -> str:
    if account.kind == "calendar":
        place = visible(account.path) or f"{account.url} ({visible(account.user)})"
        return f"{account.name:16} {tr('calendar'):9} {place}"
    sends = account.smtp or tr("nothing can be sent")
    return f"{account.name:16} {tr('mail'):9} {account.address}  {account.imap}  {sends}"


VERBS = {
    "account add": add_account,
    "account list": list_accounts,
    "account check": check_account,
    "account remove": remove_account,
}
