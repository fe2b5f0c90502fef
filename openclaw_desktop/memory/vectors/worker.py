"""`worker embed`: all-MiniLM-L6-v2 as an int8 ONNX graph, one JSON object a line on stdin and stdout.

Owns the loaded graph and the protocol. Must not know whose texts these are; keeps none. Embedding process; the only
code that imports onnxruntime.

    {"id", "op": "load", "path", "sha256", "threads"} answers {"id", "loaded": {"load_s"}}
    {"id", "op": "embed", "texts"} answers {"id", "vectors"}: base64 of little-endian float32, one text after the other
    either may answer {"id", "error"}

Stdin's end is the order to end.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import onnxruntime
from tokenizers import BertWordPieceTokenizer

from openclaw_desktop.core.resources import resource_path

# Longer batches are slower a text: short ones are padded to the longest.
BATCH = 8
LONGEST_TOKENS = 256
QUESTION_TOKENS = 32
# Interactive work goes first.
NICE = 5


class MiniLM:
    """The loaded graph with its tokenizer."""

    def __init__(self, path: Path, threads: int) -> None:
        self._tokenizer = BertWordPieceTokenizer(str(resource_path("embedding", "vocab.txt")), lowercase=True)
        self._tokenizer.enable_truncation(LONGEST_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._of_many = onnxruntime.RunOptions()
        # Else it would keep the memory of the longest batch for ever; that of a question is kept for the next.
        self._of_many.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def encode(self, texts: Sequence[str]) -> bytes:
        """Return the normalised mean of each text's tokens; texts of like length are computed together."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        rows = np.zeros((len(texts), 384), "<f4")
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            rows[places] = self._encode([texts[place] for place in places])
        return rows.tobytes()

    def _encode(self, texts: list[str]) -> np.ndarray:
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        ids = np.zeros((len(texts), max(map(len, encoded))), np.int64)
        mask = np.zeros_like(ids)
        for place, tokens in enumerate(encoded):
            ids[place, : len(tokens)] = tokens
            mask[place, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        of_question = ids.size <= QUESTION_TOKENS
        hidden = self._session.run(None, inputs, None if of_question else self._of_many)[0]
        weights = mask[:, :, None].astype(np.float32)
        means = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True))


class Refused(Exception):
    """What was asked can't be done; the text says why."""


class Body:
    """Serves requests until stdin ends."""

    def __init__(self, reader: TextIO, writer: TextIO) -> None:
        self._reader = reader
        self._writer = writer
        self._model: MiniLM | None = None

    def serve(self) -> None:
        """Answer requests in order until stdin ends."""
        for line in self._reader:
            request = json.loads(line)
            try:
                reply = self._answer(request)
            except Exception as error:  # whatever onnxruntime raises for a damaged file
                reply = {"error": str(error) or type(error).__name__}
            self._writer.write(json.dumps({"id": request["id"], **reply}) + "\n")
            self._writer.flush()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "load":
            started_s = time.perf_counter()
            path = Path(request["path"])
            if _hash(path) != request["sha256"]:
                raise Refused(f"{path} is damaged: its content is not that of the model")
            self._model = MiniLM(path, request["threads"])
            _give_back()
            return {"loaded": {"load_s": time.perf_counter() - started_s}}
        if self._model is None:
            raise Refused("no model is loaded")
        texts = [
            text.encode("utf-8", "replace").decode() for text in request["texts"]
        ]  # half surrogate pairs are no text
        return {"vectors": base64.b64encode(self._model.encode(texts)).decode()}


def run() -> int:
    """Serve on this process's own pipes; whatever a library prints goes to stderr, never into the protocol."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(NICE)
    writer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    reader = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(BrokenPipeError):
        Body(reader, writer).serve()
    return 0


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _give_back() -> None:
    """Return to the system what the load needed and the model does not: 60 of 180 MB, with glibc."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
