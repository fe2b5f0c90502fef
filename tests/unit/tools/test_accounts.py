"""The file of accounts: what stands in it, what may not, and that it is read anew where it changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.service.accounts import desk as account_desk
from openclaw_desktop.service.accounts.desk import AccountDesk
from openclaw_desktop.service.accounts.views import AccountView
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.accounts import Account, AccountBook, Server, parse_server

MAIL = AccountView("work", "mail", "me", "secret:work", "Me@Example.com", "imap.example.com", "smtp.example.com:587")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("imap.example.com", Server("imap.example.com", 993, True)),
        ("IMAP.Example.com:143", Server("imap.example.com", 143, False)),
        ("imap://imap.example.com", Server("imap.example.com", 143, False)),
        ("imap://imap.example.com:1143/", Server("imap.example.com", 1143, False)),
        ("imaps://[::1]:9993", Server("::1", 9993, True)),
        ("127.0.0.1:1993", Server("127.0.0.1", 1993, True)),
    ],
)
def test_a_server_is_read(text: str, server: Server) -> None:
    assert parse_server(text, "imap") == server


@pytest.mark.parametrize(
    "text", ["", "smtp://x.example", "http://x.example", "x.example:0", "x.example:99999", "a b", "x@y:1", "x/y"]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_server(text, "imap")
    assert caught.value.failure.code == "wrong_server"


def test_accounts_are_kept_found_and_read_anew(tmp_path: Path) -> None:
    book = AccountBook(tmp_path / "accounts.toml")
    assert book.all() == () and not book.has("mail")
    with pytest.raises(UserError) as caught:
        book.find("mail")
    assert caught.value.failure.code == "no_account"
    work = Account("work", "mail", "me", "secret:w", "me@x.org", Server("imap.x.org", 993, True))
    book.put(work)
    assert book.path.stat().st_mode & 0o777 == 0o600
    assert AccountBook(book.path).all() == (work,) == book.all("mail") and work.host == "imap.x.org"
    home = Account("home", "calendar", "me", "secret:h", url="https://cal.x.org/me/")
    file = Account("file", "calendar", "", "", path="/home/me/a.ics")
    book.put(home)
    book.put(file)
    assert book.all("calendar") == (home, file) and (home.host, file.host) == ("cal.x.org", "")
    assert book.find("mail", "ME@x.org") == work and book.find("calendar", "home") == home
    for kind, name, code in (("calendar", "", "several_accounts"), ("mail", "home", "unknown_account")):
        with pytest.raises(UserError) as caught:
            book.find(kind, name)  # type: ignore[arg-type]
        assert caught.value.failure.code == code
    other = AccountBook(book.path)
    assert other.remove("home") and not other.remove("home")
    assert [account.name for account in book.all()] == ["work", "file"]


@pytest.mark.parametrize(
    "text",
    [
        "x = 5",
        "[Work]\nkind = 'mail'",
        "[w]\nkind = 'mail'",
        "[w]\nkind = 'fax'\nuser = 'u'\nsecret = 'secret:s'\nurl = 'x'",
        "[w]\nkind = 'mail'\nuser = 'u'\nsecret = 'hunter2'\naddress = 'a@x.org'\nimap = 'x.org'",
        "[w]\nkind = 'mail'\nuser = 'u'\nsecret = 'secret:s'\naddress = 'a@x.org'\nimap = 'http://x.org'",
        "[w]\nkind = 'calendar'\nuser = 'u'\nsecret = 'secret:s'\nurl = 'file:///etc/passwd'",
        "[w]\nkind = 'mail'\npath = '/a'",
        "[w]\nkind = 5",
        "[w]\nuser = 'a\\nb'",
        "[[w]]",
        "\x00",
    ],
)
def test_a_broken_file_is_told_and_not_changed(tmp_path: Path, text: str) -> None:
    place = tmp_path / "accounts.toml"
    place.write_text(text)
    with pytest.raises(UserError) as caught:
        AccountBook(place).all()
    assert caught.value.failure.code == "accounts_broken" and "hunter2" not in caught.value.failure.text
    assert place.read_text() == text and not AccountBook(place).has("mail")


async def test_a_name_never_comes_to_mean_another_server(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "openclaw.db")
    grants, book = GrantStore(database, ()), AccountBook(tmp_path / "accounts.toml")
    desk = AccountDesk(book, grants, {})
    added = desk.add(MAIL)
    assert (added.address, added.imap, added.smtp) == (
        "Me@example.com",
        "imaps://imap.example.com:993",
        "smtp://smtp.example.com:587",
    )
    assert added.smtp_secret == "secret:work" and desk.list() == (added,)
    with pytest.raises(UserError) as caught:
        desk.add(MAIL)
    assert caught.value.failure.code == "account_exists"
    for capability in ("mail:read", "mail:write", "calendar:read"):
        await grants.add(capability, "work")
    await grants.add("mail:send", "work@example.com")
    await desk.remove("work")
    left = {(stored.grant.capability, stored.grant.scope) for stored in await grants.list()}
    assert left == {("calendar:read", "work"), ("mail:send", "work@example.com")} and desk.list() == ()
    for method in (desk.remove, desk.check):
        with pytest.raises(UserError) as caught:
            await method("work")
        assert caught.value.failure.code == "unknown_account"
    await database.close()


async def test_grants_go_before_the_account_that_they_are_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = await Database.open(tmp_path / "openclaw.db")
    grants, book = GrantStore(database, ()), AccountBook(tmp_path / "accounts.toml")
    desk = AccountDesk(book, grants, {})
    desk.add(MAIL)
    await grants.add("mail:read", "work")

    def cut_off(name: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(book, "remove", cut_off)
    with pytest.raises(KeyboardInterrupt):
        await desk.remove("work")
    assert await grants.list() == () and [view.name for view in desk.list()] == ["work"]
    await database.close()


async def test_trying_an_account_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(account: Account) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(account_desk, "CHECK_S", 0)
    desk = AccountDesk(AccountBook(tmp_path / "accounts.toml"), None, {"mail": never})  # type: ignore[arg-type]
    desk.add(MAIL)
    with pytest.raises(UserError) as caught:
        await desk.check("work")
    assert caught.value.failure.code == "too_slow"


def test_a_file_that_was_broken_meanwhile_is_told_and_left(tmp_path: Path) -> None:
    book = AccountBook(tmp_path / "accounts.toml")
    book.put(Account("home", "calendar", "", "", path="/home/me/a.ics"))
    book.path.write_text("[broken")
    for change in (lambda: book.remove("home"), lambda: book.put(Account("b", "calendar", "", "", path="/a.ics"))):
        with pytest.raises(UserError) as caught:
            change()
        assert caught.value.failure.code == "accounts_broken" and book.path.read_text() == "[broken"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"name": "W!"}, "wrong_name"),
        ({"user": " "}, "wrong_user"),
        ({"secret": "hunter2"}, "key_typed"),
        ({"address": "me"}, "wrong_address"),
        ({"imap": "?"}, "wrong_server"),
        ({"smtp": "imap://x"}, "wrong_server"),
        ({"kind": "calendar", "url": "ftp://x"}, "url_scheme"),
        ({"kind": "calendar", "user": "a:b"}, "wrong_user"),
        ({"kind": "calendar", "path": "/no/such/file.ics"}, "no_such_path"),
    ],
)
def test_what_makes_no_sense_is_not_kept(tmp_path: Path, changed: dict[str, Any], code: str) -> None:
    import dataclasses

    desk = AccountDesk(AccountBook(tmp_path / "accounts.toml"), None, {})  # type: ignore[arg-type]
    with pytest.raises(UserError) as caught:
        desk.add(dataclasses.replace(MAIL, **changed))
    assert caught.value.failure.code == code and "hunter2" not in caught.value.failure.text
    assert desk.list() == ()
