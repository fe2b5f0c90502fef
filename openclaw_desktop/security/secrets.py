"""Secrets: which there are, where each is kept, and the one host that each is for.

Owns the index (names, hosts and stores, never a value) and the rule of the binding. The host is part of the name that
the store itself knows the value by, so that changing the index by hand changes no binding. Must not know what a secret
is used for, and logs none. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import PassphraseNeed, SecretStoreName
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.system.secrets import KeyringStore, MemoryOnlyStore, PassphraseFile, SecretStore
from openclaw_desktop.system.secrets.core_dumps import forbid_core_dumps

# Any key or token in use is shorter. A terminal cuts a line at 4,095 characters without a word: such a one is refused.
VALUE_CHARS = 4000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What may be known of a secret. `created_at`: ISO 8601."""

    name: str
    host: str
    store: SecretStoreName
    created_at: str

    @property
    def entry(self) -> str:
        """The name that its store knows it by."""
        return f"{self.name}@{self.host}"


@dataclass(frozen=True, slots=True)
class SecretStores:
    """The places for secrets."""

    keyring: KeyringStore
    file: PassphraseFile
    session: MemoryOnlyStore


class SecretKeeper:
    """The secrets of one home; `index` is the file that lists them."""

    def __init__(self, index: Path, stores: SecretStores, clock: Clock) -> None:
        self._index = index
        self._stores = stores
        self._clock = clock
        self._session: dict[str, StoredSecret] = {}  # their names end with their values
        self._order = asyncio.Lock()

    async def get(self, name: str, host: str) -> str | None:
        """Return the value for a request to exactly `host`; see `core.protocols.Secrets`."""
        found = self._all().get(name)
        if found is None:
            return None
        if clean_host(host) != found.host:
            raise UserError(
                "secret_bound",
                tr(
                    "The secret {name} is for {host} alone and was not sent to {other}.",
                    name=name,
                    host=found.host,
                    other=visible(host),
                ),
                tr("Set another one for that host: openclaw-agent secret set NAME --host HOST"),
                ExitCode.DENIED,
            )
        forbid_core_dumps()
        value = await self._store(found.store).get(found.entry)
        if value is None:
            raise UserError(
                "secret_gone",
                tr("The secret {name} is no longer where it was kept ({store}).", name=name, store=found.store),
                tr("Set it again: openclaw-agent secret set {name} --host {host}", name=name, host=found.host),
            )
        return value

    async def check(self, store: SecretStoreName) -> PassphraseNeed:
        """Return which passphrase keeping a secret in `store` needs; raises UserError where it can't be kept there."""
        return await self._store(store).check()

    async def set(
        self, name: str, host: str, value: str, store: SecretStoreName, passphrase: str | None = None
    ) -> StoredSecret:
        """Keep `value` for `host`, in place of what had the name; raises UserError, and then nothing is lost."""
        secret = StoredSecret(clean_name(name), clean_host(host), store, self._clock.now().isoformat())
        _check_value(value)
        forbid_core_dumps()
        async with self._order:
            before = self._all().get(secret.name)
            moves = before is not None and (before.store, before.entry) != (secret.store, secret.entry)
            await self._store(store).put(secret.entry, value, passphrase)
            try:
                self._record(secret.name, secret)
            except UserError:
                if before is None or moves:
                    # What is in no list could never be taken out again.
                    with contextlib.suppress(UserError):
                        await self._store(store).delete(secret.entry)
                raise
            if before is not None and moves:
                await self._drop_old(before)
        return secret

    def list(self) -> tuple[StoredSecret, ...]:
        """Return what there is, by name; raises UserError where the index is damaged."""
        return tuple(secret for _, secret in sorted(self._all().items()))

    async def remove(self, name: str) -> bool:
        """Forget a secret; False where there is none of that name."""
        async with self._order:
            found = self._all().get(name)
            if found is None:
                return False
            await self._store(found.store).delete(found.entry)
            self._record(name, None)
            return True

    async def unlock(self, passphrase: str) -> None:
        """Open the passphrase file until the agent ends; raises UserError for a wrong passphrase."""
        forbid_core_dumps()
        await self._stores.file.unlock(passphrase)

    def _store(self, name: SecretStoreName) -> SecretStore:
        stores: Mapping[SecretStoreName, SecretStore] = {
            "keyring": self._stores.keyring, "file": self._stores.file, "session": self._stores.session
        }  # fmt: skip
        return stores[name]

    async def _drop_old(self, before: StoredSecret) -> None:
        try:
            await self._store(before.store).delete(before.entry)
        except UserError as error:
            raise UserError(
                "secret_old_copy",
                tr(
                    "The new value of {name} is kept, but the old one for {host} is still there ({store}): {reason}",
                    name=before.name,
                    host=before.host,
                    store=before.store,
                    reason=error.failure.sentence,
                ),
                tr("Take it out with your keyring's own program."),
            ) from error

    def _record(self, name: str, secret: StoredSecret | None) -> None:
        """Write the change down: on the disk, or in memory where the secret is there too."""
        kept = self._read()
        rest = {known: value for known, value in kept.items() if known != name}
        lasting = secret is not None and secret.store != "session"
        if secret is not None and lasting:
            rest[name] = secret
        if rest != kept:
            rows = [asdict(row) for _, row in sorted(rest.items())]
            write_atomically(self._index, json.dumps({"secrets": rows}, indent=2).encode() + b"\n")
        self._session.pop(name, None)
        if secret is not None and not lasting:
            self._session[name] = secret

    def _all(self) -> dict[str, StoredSecret]:
        return self._read() | self._session

    def _read(self) -> dict[str, StoredSecret]:
        try:
            rows = [_secret(row) for row in json.loads(self._index.read_bytes())["secrets"]]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError, UserError) as error:
            raise UserError(
                "secrets_index_damaged",
                tr("The list of secrets in {path} can't be read.", path=visible(str(self._index))),
                tr("Put a good copy of that file back, or move it away and set the secrets again."),
            ) from error
        return {row.name: row for row in rows}


def clean_name(name: str) -> str:
    """Return `name` if a secret can be called that; raises UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(
            "secret_name",
            tr("A secret can't be called {name}.", name=visible(name[:100]) or '""'),
            tr("Use up to 64 letters, digits, dots, hyphens and underscores, such as openai-key."),
            ExitCode.USAGE,
        )
    return name


def clean_host(host: str) -> str:
    """Return `host` as requests name it: lower case, no closing dot, ASCII, an address in its shortest form.

    Raises UserError for anything else, such as an address with a scheme or a port.
    """
    text = host.strip().lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        text = text.encode("idna").decode()
    except UnicodeError:
        text = ""
    if not _HOST.fullmatch(text):
        raise UserError(
            "secret_host",
            tr("{host} is not the name of one host.", host=visible(host[:200]) or '""'),
            tr("Write it alone, without https:// and without a port, such as api.example.com."),
            ExitCode.USAGE,
        )
    return text


def _check_value(value: str) -> None:
    if not value or not value.isprintable() or len(value) > VALUE_CHARS:
        raise UserError(
            "secret_value",
            tr("That can't be a secret: it is empty, or longer than {count} characters, or has more than one line.",
               count=f"{VALUE_CHARS:,}"),
            tr("Give the key or token alone, on one line. Nothing was kept."),
            ExitCode.USAGE,
        )  # fmt: skip


def _secret(row: Mapping[str, str]) -> StoredSecret:
    if row["store"] not in get_args(SecretStoreName) or clean_host(row["host"]) != row["host"]:
        raise ValueError("not a row of ours")
    return StoredSecret(clean_name(row["name"]), row["host"], row["store"], row["created_at"])  # type: ignore[arg-type]
