"""What onboarding and the verbs of the key take for an answer."""

import argparse
from typing import cast

import pytest

from openclaw_desktop.cli import encryption, onboarding
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyChange


class Service:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    async def encryption(self) -> EncryptionView:
        return EncryptionView(False, "none", "", False, False)

    async def check_secret_store(self, store: str) -> None:
        return None

    async def change_encryption(self, action: str, holder: str | None = None, path: str | None = None) -> KeyChange:
        self.asked.append((action, holder))
        return KeyChange(action != "off", "none")


@pytest.mark.parametrize(
    ("answer", "asked"), [(None, []), ("n", [("off", None)]), ("", [("on", "keyring")]), ("y", [("on", "keyring")])]
)
async def test_an_input_that_ends_decides_nothing(
    answer: str | None, asked: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_line(question: str) -> str | None:
        return answer

    monkeypatch.setattr(onboarding, "read_line", read_line)
    service = Service()
    await onboarding._encrypt(cast(AgentService, service), lambda text: None, asks=True)
    assert service.asked == asked


async def test_no_place_for_the_key_is_no_wish_for_the_usual_one() -> None:
    service = Service()
    none = argparse.Namespace(to=["none"], json=False, new_code=False)
    for change in (encryption.encrypt_memory, encryption.rekey_memory):
        with pytest.raises(UserError, match="no place for a key"):
            await change(cast(AgentService, service), none)
    assert service.asked == []
    assert await encryption.recover_memory(cast(AgentService, service), none) == 0
    assert service.asked == [("off", None)]
