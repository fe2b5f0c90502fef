"""WordLlama: static word vectors, averaged (the package wordllama, MIT licence).

Owns the two files that the package ships; its own loader asks a hub, so they are read directly. Embedding thread.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA


class WordLlama:
    """The table of word vectors and its tokenizer."""

    def __init__(self, table: np.ndarray, tokenizer: Tokenizer) -> None:
        self._table = table
        self._tokenizer = tokenizer

    @classmethod
    def load(cls) -> WordLlama:
        """Read the package's files (0.25 s); raises UserError where the package is incomplete."""
        found = importlib.util.find_spec("wordllama")
        folder = Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else Path()
        weights = folder / "weights" / f"{WORDLLAMA.version}.safetensors"
        words = folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
        if not (weights.is_file() and words.is_file()):
            raise UserError(
                "engine_missing",
                tr("The word vectors are missing, so memory is searched by words alone."),
                tr("Install this program again to bring them back."),
            )
        tokenizer = Tokenizer.from_file(str(words))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(load_file(weights)["embedding.weight"], tokenizer)

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Return the normalised mean of each text's word vectors; a text without words becomes a zero vector."""
        vectors = []
        for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False):
            rows = self._table[encoding.ids].astype(np.float32)
            mean = rows.mean(axis=0) if len(rows) else np.zeros(WORDLLAMA.dimension, np.float32)
            length = float(np.linalg.norm(mean))
            vectors.append((mean / length if length else mean).astype("<f4").tobytes())
        return vectors
