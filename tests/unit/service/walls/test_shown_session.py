"""A chat as front ends see it: its messages, and what each is built on that the user did not write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import SYSTEM, USER, Label
from openclaw_desktop.service.local import SESSION_VIEW_CHARS, LocalService

FOREIGN = Label("untrusted", "private", ("file:/a", "user", "web:x"))


class Sessions:
    """One chat."""

    def __init__(self, *labels: Label, text: str = "hello") -> None:
        self._messages = [
            SimpleNamespace(
                turn_id=f"t{n}", role="assistant", text=text, model=None, created_at="", receipts=(), label=label
            )
            for n, label in enumerate(labels)
        ]

    async def exists(self, session_id: str) -> bool:
        return session_id == "s"

    async def messages(self, session_id: str) -> list[SimpleNamespace]:
        assert session_id == "s"
        return self._messages


def service(sessions: Sessions) -> LocalService:
    parts: Any = SimpleNamespace(sessions=sessions)
    return LocalService(parts)


async def test_each_message_names_the_foreign_text_behind_it() -> None:
    view = await service(Sessions(USER, FOREIGN, SYSTEM)).show_session("s")
    assert [(m.untrusted, m.origins) for m in view.messages] == [(False, ()), (True, ("file:/a", "web:x")), (False, ())]


async def test_of_a_long_chat_the_newest_messages_come() -> None:
    view = await service(Sessions(*[USER] * 5, text="x" * (SESSION_VIEW_CHARS // 2))).show_session("s")
    assert [m.turn_id for m in view.messages] == ["t3", "t4"]


async def test_a_chat_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UserError, match="no chat"):
        await service(Sessions()).show_session("s\u202e")


@pytest.mark.parametrize(
    ("label", "origins"),
    [(SYSTEM, ()), (USER, ()), (Label("user", "private", ("file:/mine",)), ()), (FOREIGN, ("file:/a", "web:x"))],
)
def test_only_untrusted_text_has_foreign_origins(label: Label, origins: tuple[str, ...]) -> None:
    assert label.foreign_origins == origins
