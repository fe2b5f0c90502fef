"""Vectors from an endpoint: `core.protocols.Embed` for memory.

Owns the name that such vectors are kept under and their form. Vectors of another engine stay where they are. Must not
know what is embedded. Loop.
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Sequence

from openclaw_desktop.core.cache import VectorCache
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.inference.endpoints.client import EndpointClient
from openclaw_desktop.inference.endpoints.desk import EndpointDesk

PREFIX = "endpoint:"
BUILT_IN = ("minilm", "wordllama", "none")
# One request holds so many texts: servers bound what they take at once.
BATCH = 64
# What fits the shortest inputs in use, 512 tokens.
CLIP_TOKENS = 400
VECTORS_KEPT = 256


def is_endpoint(setting: str | None) -> bool:
    """Return whether the setting `memory.embeddings` names an endpoint; raises UserError for an unknown engine."""
    if setting is None or setting in BUILT_IN:
        return False
    if setting.startswith(PREFIX) and len(setting) > len(PREFIX):
        return True
    raise UserError(
        "setting_invalid",
        tr("The setting memory.embeddings can't be {value}.", value=visible(setting)),
        tr("It is minilm, wordllama, none, endpoint:NAME or endpoint:NAME/MODEL."),
        ExitCode.USAGE,
    )


class EndpointEmbedder:
    """Asks one endpoint's embedding model. `dimension` is 0 until its first vector has come."""

    def __init__(self, desk: EndpointDesk, setting: str) -> None:
        """`setting` is `endpoint:NAME` or `endpoint:NAME/MODEL`."""
        name, _, model = setting.removeprefix(PREFIX).partition("/")
        endpoint = desk.book.get(name)
        self._desk = desk
        self._name = name
        self.engine = PREFIX + name
        self.version = model or (endpoint.model if endpoint else None) or ""
        self.dimension = 0
        self.cache = VectorCache(VECTORS_KEPT)

    @property
    def leaves_machine(self) -> bool:
        """Whether the texts leave this machine."""
        endpoint = self._desk.book.get(self._name)
        return endpoint is not None and endpoint.leaves_machine(self.version)

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """Return one normalised little-endian float32 vector for each text; raises UserError."""
        return await self.cache.embed(texts, self._embed)

    async def _embed(self, texts: Sequence[str]) -> list[bytes]:
        client = self._desk.client(self._name)
        if not self.version:
            raise UserError(
                "no_embedding_model",
                tr("It is not said which model of {name} makes vectors.", name=visible(self._name)),
                tr("Name it: memory.embeddings = endpoint:{name}/MODEL.", name=visible(self._name)),
            )
        vectors: list[bytes] = []
        for start in range(0, len(texts), BATCH):
            rows = await self._ask(client, texts[start : start + BATCH])
            vectors += [self._normalised(row) for row in rows]
        return vectors

    async def _ask(self, client: EndpointClient, texts: Sequence[str]) -> list[list[float]]:
        try:
            return await client.embed(self.version, texts)
        except UserError as error:
            if error.failure.code != "too_long":
                raise
            # One long memory must not keep all others from their vectors: its beginning tells what it is about.
            return await client.embed(self.version, [clip(text, CLIP_TOKENS) for text in texts])

    def _normalised(self, row: Sequence[float]) -> bytes:
        self.dimension = self.dimension or len(row)
        if len(row) != self.dimension:
            raise UserError(
                "no_vectors",
                tr("{model} at {name} now gives vectors of another length.", model=self.version, name=self._name),
                tr("Another model seems to have taken its name there; name the right one in memory.embeddings."),
            )
        length = math.sqrt(sum(value * value for value in row))
        floats = array.array("f", (value / length if length else 0.0 for value in row))
        if sys.byteorder == "big":
            floats.byteswap()
        return floats.tobytes()

    def close(self) -> None:
        """Nothing of it is in memory; the desk owns the connection."""
