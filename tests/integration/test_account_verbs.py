"""`openclaw-agent account …` and mail as their user meets them: a real server, a running agent, a piped password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from agent_process import Program
from mail_servers import HOST, PASSWORD, Dovecot


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot()
    yield server
    server.stop()


def test_an_account_is_added_used_and_forgotten(program: Program, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    dovecot.put(user, b"From: Ana <ana@example.org>\r\nTo: me@example.com\r\nSubject: Lunch\r\n\r\nAt noon?\r\n")
    program.environ["SSL_CERT_FILE"] = str(dovecot.pem)
    agent = program.serve()
    words = ("account", "add", "work", "--mail", "me@example.com", "--imap", f"{HOST}:{dovecot.port}", "--user", user)
    added = program.run(*words, "--store", "session", "--read", stdin=PASSWORD + "\n").done()
    assert "Added work." in added.out and f"{HOST}: logged in, 1 mails in the inbox." in added.err
    assert "mail can be read, not sent" in added.err
    (listed,) = program.run("account", "list", "--json").done().document["accounts"]
    assert (listed["imap"], listed["secret"]) == (f"imaps://{HOST}:{dovecot.port}", "secret:account-work")

    plain = program.run("ask", "any new mail?", "--json").done().document
    assert [call["name"] for call in plain["tool_calls"]] == ["find_mail"] and plain["model"] is None
    assert "Ana <ana@example.org>: Lunch (personal, unread)" in plain["answer"]
    assert plain["label"]["integrity"] == "untrusted"
    assert any(origin.startswith("mail:work/INBOX/1.") for origin in plain["label"]["origins"])
    parked = program.run("tool", "call", "draft_mail", '{"to": "bob@example.org", "text": "hi"}')
    assert parked.code == 4 and dovecot.mails(user, "Drafts") == []

    assert program.run("account", "remove", "work", "--json").done().document == {"removed": "work"}
    assert program.run("grant", "list", "--json").done().document == {"grants": []}
    assert program.run("secret", "list", "--json").done().document == {"secrets": []}
    program.run("account", "check", "work").failed("There is no account work")
    agent.stop()
    kept = [path.read_bytes() for path in program.home.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in content for content in kept), "no password outside its store"
