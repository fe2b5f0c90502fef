"""Why mail could not be read or sent, in sentences.

Owns the wording. No text of a server or of a mail is ever in it: these sentences reach the model as the agent's own.
Pure functions.
"""

from __future__ import annotations

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.accounts import Account


def login_refused(account: Account, host: str, code: str) -> UserError:
    """The server did not take user and password. `code`: the server's own word of a fixed list."""
    if code == "UNAVAILABLE":
        return UserError(
            "mail_unavailable", tr("{host} can't check the password right now.", host=host), tr("Try again later.")
        )
    secret = (account.secret if account.imap and account.imap.host == host else account.smtp_secret)[len("secret:") :]
    return UserError(
        "mail_login",
        tr("{host} did not accept the user name or the password of the account {name}.", host=host, name=account.name),
        tr("Set it anew: openclaw-agent secret set {secret} --host {host}. Many providers want a password of its own "
           "for each program.", secret=secret, host=host),
    )  # fmt: skip


def not_the_protocol(host: str, port: int, protocol: str) -> UserError:
    """What answers there is something else."""
    return UserError(
        "not_a_mail_server",
        tr("What {host} sent back at port {port} is not {protocol}.", host=host, port=port, protocol=protocol),
        tr("Check the server and the port of the account."),
    )


def no_starttls(host: str, port: int) -> UserError:
    """The server does not encrypt, so nothing goes there."""
    return UserError(
        "no_starttls",
        tr("{host} does not encrypt at port {port} (no STARTTLS), so nothing was sent there.", host=host, port=port),
        tr("Use the port that is encrypted from the start: usually 993 to read, 465 to send."),
    )


def gone(host: str) -> UserError:
    """The connection ended in the middle."""
    return UserError("broken_off", tr("The connection to {host} broke off.", host=host), tr("Try again later."))


def no_folder(name: str, host: str) -> UserError:
    """There is no such folder."""
    return UserError(
        "no_mail_folder", tr("There is no folder {name} at {host}.", name=visible(name[:80]), host=host),
        tr("INBOX is there always."),
    )  # fmt: skip


def refused(host: str) -> UserError:
    """The server said no to a command."""
    return UserError("mail_refused", tr("{host} did not do what it was asked.", host=host), tr("Try again later."))


def not_kept(folder: str, host: str, code: str) -> UserError:
    """A mail could not be put into a folder. `code`: the server's own word of a fixed list."""
    if code in ("OVERQUOTA", "LIMIT"):
        return UserError(
            "mail_full", tr("There is no room left at {host}, so it was not kept.", host=host), tr("Make room there.")
        )
    return UserError(
        "mail_not_kept", tr("{host} did not take it into {folder}.", host=host, folder=visible(folder[:80])),
        tr("Try again later."),
    )  # fmt: skip


def no_mail(mail_id: str) -> UserError:
    """There is no mail of that id."""
    return UserError(
        "no_such_mail",
        tr("There is no mail {id}.", id=visible(mail_id[:120]) or '""'),
        tr("Look for it again: its id stands before each mail of a list."),
    )


def unreadable(code: str) -> UserError:
    """The jail could not make sense of a mail."""
    if code == "timeout":
        return UserError("mail_too_hard", tr("The mail took too long to read and was given up."))
    if code == "jail":
        return UserError(
            "no_jail", tr("Mails are read in a jail alone, and there is none here, so nothing was read."),
            tr("openclaw-agent sandbox check says more."),
        )  # fmt: skip
    return UserError("mail_unreadable", tr("The mail can't be read."), tr("Look at it in your mail program."))


def too_large(limit_bytes: int) -> UserError:
    """What came with a mail is more than is saved."""
    return UserError(
        "attachment_too_large",
        tr("The attachment is larger than {count} MB.", count=limit_bytes // 1_000_000),
        tr("Save it with your mail program."),
    )


def no_sending(account: Account) -> UserError:
    """The account has no server to send by."""
    return UserError(
        "no_smtp",
        tr("The account {name} has no server to send by.", name=account.name),
        tr("Remove it and add it again with --smtp: openclaw-agent account add --help"),
    )


def not_sent(host: str, reason: str) -> UserError:
    """Nothing was sent."""
    return UserError("mail_not_sent", tr("{host} did not take the mail: {reason}.", host=host, reason=reason))


def maybe_sent(host: str) -> UserError:
    """The mail was handed over, and whether it was taken is not known."""
    return UserError(
        "mail_unknown",
        tr("The connection to {host} broke off after the mail was handed over, so it may have been sent.", host=host),
        tr("Look into your folder of sent mails, or ask the recipient, before you send it again."),
    )
