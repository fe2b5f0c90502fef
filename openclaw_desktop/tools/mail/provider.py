"""The mail tools as one agent has them: on offer while there is a mail account.

Owns how they are put together, and how an account is tried. Must not know what a mail says. Loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.protocols import Dial, Tool, Undoes
from openclaw_desktop.core.text import tr
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.written import WrittenFiles
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.accounts import Account, AccountBook
from openclaw_desktop.tools.file_changes import JailedChanges, WriteFileTool
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.mail import smtp
from openclaw_desktop.tools.mail.attachment_tool import SaveAttachmentTool
from openclaw_desktop.tools.mail.mailbox import Mailbox
from openclaw_desktop.tools.mail.reading_tools import FindMailTool, ReadMailTool, SummariseMailTool
from openclaw_desktop.tools.mail.writing_tools import DraftMailTool, SendMailTool
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import ToolHost


class MailProvider:
    """`core.protocols.ToolProvider` over the user's mail accounts.

    `jail`: for files; `parse`: for what anybody may have written; `files`: the tool that writes files;
    `home`: the user's.
    """

    def __init__(
        self,
        book: AccountBook,
        dial: Dial,
        parse: Parse,
        jail: JailedChanges,
        finder: PathFinder,
        labels: FileLabels,
        files: Undoes,
        home: Path,
        clock: Clock,
    ) -> None:
        self._book = book
        self._dial = dial
        self._mailbox = Mailbox(dial, parse, clock)
        self._tools: tuple[Tool, ...] = (
            FindMailTool(self._mailbox, book),
            ReadMailTool(self._mailbox, book),
            SummariseMailTool(self._mailbox, book),
            DraftMailTool(self._mailbox, book),
            SendMailTool(self._mailbox, book, jail, finder),
            SaveAttachmentTool(self._mailbox, book, jail, finder, labels, files, home),
        )

    def tools(self) -> Sequence[Tool]:
        """Return the tools; none without an account."""
        return self._tools if self._book.has("mail") else ()

    async def check(self, account: Account) -> tuple[str, ...]:
        """Log in to each server of an account and return a sentence about each; raises UserError."""
        assert account.imap is not None
        count = await self._mailbox.count(account)
        said = [tr("{host}: logged in, {count} mails in the inbox.", host=account.imap.host, count=count)]
        if account.smtp is None:
            said.append(tr("No server to send by: mail can be read, not sent."))
        else:
            await smtp.check(self._dial, account)
            said.append(tr("{host}: logged in, ready to send.", host=account.smtp.host))
        return tuple(said)


def make_mail(
    book: AccountBook,
    dial: Dial,
    parse: Parse,
    jail: ToolHost,
    database: Database,
    grants: GrantStore,
    folders: tuple[Path, Path],
) -> MailProvider:
    """Return the mail tools of one agent. `folders`: the user's home, and XDG_DATA_HOME, where their trash is."""
    home, data_home = folders
    clock = SystemClock()
    finder, labels = PathFinder(grants, home), FileLabels(WrittenFiles(database, clock), grants)
    return MailProvider(
        book, dial, parse, jail, finder, labels, WriteFileTool(jail, finder, labels, data_home), home, clock
    )
