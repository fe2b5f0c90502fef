"""`worker embed`: all-MiniLM-L6-v2 as an int8 ONNX graph, one JSON object a line on stdin and stdout.

Owns the loaded graph and the protocol. Must not know whose texts these are; keeps none. Embedding process; the only
code that imports onnxruntime.

    {"id", "op": "load", "path", "sha256"} answers {"id", "loaded": {"load_s"}}
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
from openclaw_desktop.system.cores import keep_to_last_of_two

# The name by which the graph knows the model's file.
WEIGHTS = "all-MiniLM-L6-v2-int8.onnx"
LONGEST_TOKENS = 256
# The least cosine of two vectors that are the same but for rounding to bytes.
SAME = 0.998
# Interactive work goes first.
NICE = 5


class MiniLM:
    """The loaded graph with its tokenizer.

    The graph is ours, for the weights in the model's file (docs/adr/0034): it multiplies them as the bytes they are,
    where the file's own would make float32 of them first.
    """

    def __init__(self, file: bytes) -> None:
        """Raises Refused where this processor computes something else than the file's own graph."""
        self._tokenizer = BertWordPieceTokenizer(str(resource_path("embedding", "vocab.txt")), lowercase=True)
        self._tokenizer.enable_truncation(LONGEST_TOKENS)
        # One without VNNI cuts sums off at 16 bits, unless it is told not to, which takes others twice the time.
        for careful in (False, True):
            self._session = _session(file, careful)
            known = self._session.get_modelmeta().custom_metadata_map
            vector = np.frombuffer(base64.b64decode(known["vector"]), "<f4")
            if self._encode(known["proof"]) @ vector >= SAME:
                return
        raise Refused("this processor computes other vectors than it should")

    def encode(self, texts: Sequence[str]) -> bytes:
        """Return the normalised mean of each text's tokens.

        Each text is computed alone: nothing is padded, and what stands beside a text changes nothing of its vector.
        """
        return b"".join(self._encode(text).astype("<f4").tobytes() for text in texts)

    def _encode(self, text: str) -> np.ndarray:
        tokens = np.array([self._tokenizer.encode(text).ids], np.int64)
        (hidden,) = self._session.run(None, {"input_ids": tokens})
        mean = hidden[0].mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean))


def _session(file: bytes, careful: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # A second thread makes no text faster, and waits for the first.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_external_initializers_from_files_in_memory([WEIGHTS], [file], [len(file)])
    options.add_session_config_entry("session.x64quantprecision", str(int(careful)))
    graph = resource_path("embedding", "minilm.onnx").read_bytes()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


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
            file = path.read_bytes()
            if hashlib.sha256(file).hexdigest() != request["sha256"]:
                raise Refused(f"{path} is damaged: its content is not that of the model")
            self._model = MiniLM(file)
            del file
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
    keep_to_last_of_two()  # whoever asks reads meanwhile
    writer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    reader = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(BrokenPipeError):
        Body(reader, writer).serve()
    return 0


def _give_back() -> None:
    """Return to the system what the load needed and the model does not: the file, with glibc."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
