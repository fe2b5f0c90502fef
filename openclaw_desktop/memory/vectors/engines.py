"""Which engines make vectors on this machine.

Owns the choice: MiniLM where its file is and the machine is no weak one, WordLlama until it has loaded, beside it for a
second opinion, and where it is not. Must not know what is embedded. Loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.memory.vectors.embedder import WORDLLAMA, Embedder, Engine
from openclaw_desktop.memory.vectors.minilm import MiniLM, find_file, is_weak
from openclaw_desktop.system.memory import read_memory
from openclaw_desktop.system.processor import usable_cores

ENGINE_IDLE_S = 600.0


class Engines(tuple[MiniLM | Embedder, ...]):
    """The engines of one memory, the wanted one first."""

    __slots__ = ()

    async def close(self) -> None:
        """Drop them all; each is loaded again with its next text."""
        for engine in self:
            if isinstance(engine, MiniLM):
                await engine.close()
            else:
                engine.close()


def word_vectors(idle_s: float = ENGINE_IDLE_S) -> Embedder:
    """Return the WordLlama engine, loaded on first use and dropped after `idle_s` without use."""
    return Embedder(WORDLLAMA, _load_word_vectors, idle_s)


def built_in(folders: Sequence[Path], setting: str | None = None, idle_s: float = ENGINE_IDLE_S) -> Engines:
    """Return the engines to use, the wanted one first. `folders`: where models lie.

    `setting`: "minilm", also on a weak machine; "wordllama"; "none"; None: what fits the machine.
    """
    if setting == "none":
        return Engines()
    words = word_vectors(idle_s)
    file = find_file(folders)
    if setting == "wordllama" or file is None or (setting is None and is_weak(usable_cores(), read_memory())):
        return Engines([words])
    return Engines([MiniLM(file, idle_s), words])


def _load_word_vectors() -> Engine:
    # Imported here because numpy, tokenizers and the table cost 55 MB that an idle agent must not hold.
    from openclaw_desktop.memory.vectors.wordllama import WordLlama

    return WordLlama.load()
