"""`account add / remove`: what is asked for, what goes where, and what makes no sense."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.cli.accounts import VERBS
from openclaw_desktop.cli.parser import build_parser
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.accounts.desk import AccountDesk
from openclaw_desktop.service.accounts.views import AccountView
from openclaw_desktop.service.api import GrantView, SecretView
from openclaw_desktop.tools.accounts import AccountBook


class Service:
    """The commands that these verbs use, over a real book."""

    def __init__(self, folder: Path) -> None:
        self.desk = AccountDesk(AccountBook(folder / "accounts.toml"), None, {})  # type: ignore[arg-type]
        self.secrets: dict[str, tuple[str, str]] = {}
        self.granted: list[tuple[str, str]] = []
        self.problem: UserError | None = None

    async def list_accounts(self) -> tuple[AccountView, ...]:
        return self.desk.list()

    async def add_account(self, account: AccountView) -> AccountView:
        return self.desk.add(account)

    async def remove_account(self, name: str) -> AccountView:
        found = next(account for account in self.desk.list() if account.name == name)
        self.desk._book.remove(name)
        return found

    async def check_account(self, name: str) -> tuple[str, ...]:
        if self.problem is not None:
            raise self.problem
        return ("fine",)

    async def add_grant(self, capability: str, scope: str) -> GrantView:
        self.granted.append((capability, scope))
        return GrantView("grt", capability, scope, "")

    async def check_secret_store(self, store: str) -> str:
        return "none"

    async def set_secret(self, name: str, host: str, value: str, store: str, passphrase: str | None) -> SecretView:
        self.secrets[name] = (host, value)
        return SecretView(name, host, store, "")  # type: ignore[arg-type]

    async def remove_secret(self, name: str) -> bool:
        return self.secrets.pop(name, None) is not None


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


async def run(service: Service, *words: str, stdin: str = "") -> int:
    arguments = build_parser().parse_args(["account", *words])
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    before, sys.stdin = sys.stdin, given
    try:
        verb: Any = VERBS[f"account {arguments.action}"]
        code: int = await verb(service, arguments)
        return code
    finally:
        sys.stdin = before


async def test_one_password_is_kept_for_each_host_and_goes_with_the_account(service: Service) -> None:
    mail = ("--mail", "me@example.com", "--imap", "imap.example.com")
    await run(service, "add", "work", *mail, "--smtp", "smtp.example.com:587", "--read", stdin="hunter2\n")
    assert service.secrets == {
        "account-work": ("imap.example.com", "hunter2"), "account-work-smtp": ("smtp.example.com", "hunter2"),
    }  # fmt: skip
    (account,) = service.desk.list()
    assert (account.user, account.smtp_secret) == ("me@example.com", "secret:account-work-smtp")
    assert service.granted == [("mail:read", "work")]
    with pytest.raises(UserError) as caught:
        await run(service, "add", "work", *mail, stdin="other\n")
    assert caught.value.failure.code == "account_exists" and service.secrets["account-work"][1] == "hunter2"
    await run(service, "add", "home", "--calendar", "https://cal.example.com/", "--user", "me", stdin="x\n")
    assert service.secrets["account-home"] == ("cal.example.com", "x")
    await run(service, "remove", "work")
    assert list(service.secrets) == ["account-home"]


async def test_no_password_is_left_or_written_over(service: Service) -> None:
    mail = ("--mail", "me@example.com", "--imap", "imap.example.com")
    with pytest.raises(UserError) as caught:
        await run(service, "add", "work", *mail, "--user", "\x07", stdin="hunter2\n")
    assert caught.value.failure.code == "wrong_user" and service.secrets == {}
    await run(service, "add", "work", *mail, "--smtp", "smtp.example.com", stdin="hunter2\n")
    with pytest.raises(UserError) as caught:
        await run(service, "add", "work-smtp", "--mail", "me@x.org", "--imap", "imap.x.org", stdin="other\n")
    assert caught.value.failure.code == "secret_taken"
    assert service.secrets["account-work-smtp"] == ("smtp.example.com", "hunter2")


async def test_what_was_given_by_name_is_not_read_and_not_removed(service: Service, tmp_path: Path) -> None:
    service.secrets["k"] = ("imap.example.com", "v")
    await run(service, "add", "work", "--mail", "me@x.org", "--imap", "imap.example.com", "--key", "secret:k")
    (tmp_path / "a.ics").write_text("")
    await run(service, "add", "file", "--calendar", str(tmp_path / "a.ics"))
    assert service.desk.list()[1].path == str((tmp_path / "a.ics").resolve())
    await run(service, "remove", "work")
    assert service.secrets == {"k": ("imap.example.com", "v")}


async def test_an_account_that_is_not_reached_is_kept_and_told(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.problem = UserError("no_connection", "imap.example.com did not take the connection.")
    code = await run(service, "add", "work", "--mail", "me@x.org", "--imap", "imap.example.com", stdin="x\n")
    told = capsys.readouterr()
    assert code == 0 and "Added work." in told.out and "did not take the connection" in told.err
    assert "account check work" in told.err and len(service.desk.list()) == 1
    with pytest.raises(UserError):
        await run(service, "check", "work")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mail", "me@example.com"), "--imap"),
        (("--mail", "me@example.com", "--imap", "http://x.org"), "no IMAP server"),
        (("--calendar", "https://cal.example.com/"), "--user"),
        (("--mail", "me@x.org", "--imap", "a.org", "--smtp", "b.org", "--key", "secret:k"), "--smtp-key"),
        (("--mail", "me", "--imap", "a.org", "--key", "secret:k"), "no mail address"),
        (("--mail", "me@x.org", "--imap", "a.org", "--key", "hunter2"), "by its name"),
    ],
)
async def test_what_makes_no_sense_is_told_and_not_kept(service: Service, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError) as caught:
        await run(service, "add", "work", *words)
    assert said in caught.value.failure.text and "hunter2" not in caught.value.failure.text
    assert service.desk.list() == () and service.secrets == {}


def test_a_password_on_the_command_line_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["account", "add", "work", "--mail", "me@x.org", "--password", "hunter2"])
    assert ended.value.code == 2 and "hunter2" not in capsys.readouterr().err
