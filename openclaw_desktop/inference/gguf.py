"""What the header of a GGUF file says of its model: its shape, and how many bytes its tensors hold.

Owns the reading of that header and its limits: a file may be cut short or made to do harm, and is refused with a
sentence, never with a long wait or a great allocation. Must not know what follows from a shape. Any thread; reads the
file from its beginning to the end of the list of tensors. The format: ggml's docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import os
import platform
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible

# The largest vocabularies of today have a quarter of a million tokens; a header holds three lists of that length.
MAX_KEYS = 65_536
MAX_TENSORS = 65_536
MAX_ELEMENTS = 8_000_000
MAX_KEPT_ELEMENTS = 4096
MAX_NAME_BYTES = 65_535
MAX_TEXT_BYTES = 16 << 20
MAX_DIMENSIONS = 4

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9

# ggml's types: name, weights in a block, bytes of a block.
_TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18),
}  # fmt: skip

# general.file_type, as llama.cpp's LLAMA_FTYPE_* number it.
_FILE_TYPES: Mapping[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
    40: "Q1_0", 41: "Q2_0",
}  # fmt: skip

# What llama.cpp's portable build lays out anew for the processor's vector units.
_REPACKED_X86 = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})
_REPACKED_ARM = _REPACKED_X86 | {"Q5_K", "Q6_K", "Q8_0"}
REPACKABLE = _REPACKED_ARM if platform.machine().lower() in ("arm64", "aarch64") else _REPACKED_X86

Scalar = int | float | bool | str
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class TensorBytes:
    """Bytes of the tensors by what they are for.

    `token_embedding`: looked up, a row a token. `output`: 0 where the token embedding serves as the output too.
    `blocks`: the layers. `experts`: the part of `blocks` of which a token uses only some. `other`: norms and the like.
    `repackable`: of the blocks, what may be laid out anew. `shared_repackable`: the token embedding where it serves as
    the output and may be laid out anew for that. `largest`: the largest single tensor.
    """

    token_embedding: int = 0
    output: int = 0
    blocks: int = 0
    experts: int = 0
    other: int = 0
    repackable: int = 0
    shared_repackable: int = 0
    largest: int = 0

    @property
    def total(self) -> int:
        """All tensors."""
        return self.token_embedding + self.output + self.blocks + self.other


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """A model as its file describes it; 0 or "" where the file does not say.

    `head_count_kv`: key and value heads, one number a layer (0 in layers without attention). `key_length` and
    `value_length`: the width of a head. `file_type`: the quantisation by name, such as Q4_K_M. `expert_count` and
    `expert_used_count`: of a mixture of experts, else 0.
    """

    architecture: str
    name: str
    parameters: int
    file_type: str
    block_count: int
    head_count: int
    head_count_kv: tuple[int, ...]
    key_length: int
    value_length: int
    embedding_length: int
    feed_forward_length: int
    vocab_size: int
    context_length: int
    expert_count: int
    expert_used_count: int
    chat_template: bool
    tensors: TensorBytes
    size_bytes: int


def read_header(path: Path) -> GgufHeader:
    """Return what the GGUF file at `path` says of itself; raises UserError where it is none, cut short or absurd."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return _Reader(file, size, path).header()
    except OSError as error:
        raise UserError(
            "model_unreadable",
            tr("{path} can't be read: {reason}.", path=visible(str(path)), reason=error.strerror or error),
        ) from error


class _Reader:
    """Reads forward through one file and never beyond its end."""

    def __init__(self, file: BinaryIO, size: int, path: Path) -> None:
        self._file = file
        self._left = size
        self._size = size
        self._path = path
        self._elements = 0

    def header(self) -> GgufHeader:
        """Read the whole header."""
        if self._take(4) != b"GGUF":
            raise self._refused(tr("it does not begin as a GGUF file does"))
        version = self._number("<I")
        if version not in (2, 3):
            # A file for processors of the other byte order says 50331648 here.
            raise self._refused(tr("its version is {version}, and 2 and 3 are known", version=version))
        tensor_count, key_count = self._number("<Q"), self._number("<Q")
        if key_count > MAX_KEYS or tensor_count > MAX_TENSORS:
            raise self._refused(tr("it claims {count} entries", count=f"{max(key_count, tensor_count):,}"))
        values: dict[str, Value] = {}
        lengths: dict[str, int] = {}
        for _ in range(key_count):
            key = self._text(MAX_NAME_BYTES)
            values[key], lengths[key] = self._value(self._number("<I"))
        tensors, parameters, vocab_rows = self._tensors(tensor_count, _whole(values, "general.alignment") or 32)
        vocab = lengths.get("tokenizer.ggml.tokens", 0) or vocab_rows
        return self._describe(values, vocab, parameters, tensors)

    def _describe(self, values: Mapping[str, Value], vocab: int, parameters: int, tensors: TensorBytes) -> GgufHeader:
        architecture = _words(values, "general.architecture")
        if not architecture:
            raise self._refused(tr("it does not say what kind of model it is"))

        def whole(name: str) -> int:
            return _whole(values, f"{architecture}.{name}")

        blocks, embedding = whole("block_count"), whole("embedding_length")
        if blocks > MAX_KEPT_ELEMENTS:
            raise self._refused(tr("it claims {count} layers", count=f"{blocks:,}"))
        heads = _per_layer(values, f"{architecture}.attention.head_count", blocks, 0)
        most_heads = max(heads, default=0)
        width = embedding // most_heads if most_heads else 0
        file_type = _FILE_TYPES.get(_whole(values, "general.file_type"), "") if "general.file_type" in values else ""
        return GgufHeader(
            architecture=architecture,
            name=_words(values, "general.name"),
            parameters=parameters,
            file_type=file_type,
            block_count=blocks,
            head_count=most_heads,
            head_count_kv=_per_layer(values, f"{architecture}.attention.head_count_kv", blocks, most_heads),
            key_length=whole("attention.key_length") or width,
            value_length=whole("attention.value_length") or width,
            embedding_length=embedding,
            feed_forward_length=max(_per_layer(values, f"{architecture}.feed_forward_length", blocks, 0), default=0),
            vocab_size=vocab or whole("vocab_size"),
            context_length=whole("context_length"),
            expert_count=whole("expert_count"),
            expert_used_count=whole("expert_used_count"),
            chat_template=bool(_words(values, "tokenizer.chat_template")),
            tensors=tensors,
            size_bytes=self._size,
        )

    def _tensors(self, count: int, alignment: int) -> tuple[TensorBytes, int, int]:
        """Read the list of tensors; return their bytes, the number of weights and the rows of the token embedding."""
        sums = {each.name: 0 for each in fields(TensorBytes)}
        parameters = rows = end = 0
        for _ in range(count):
            name = self._text(MAX_NAME_BYTES)
            dimensions = self._number("<I")
            if dimensions > MAX_DIMENSIONS:
                raise self._refused(tr("a tensor claims {count} dimensions", count=dimensions))
            sizes = [self._number("<Q") for _ in range(dimensions)]
            kind, offset = self._number("<I"), self._number("<Q")
            if kind not in _TYPES:
                raise self._refused(tr("a tensor is of an unknown type, {type}", type=kind))
            type_name, block, block_bytes = _TYPES[kind]
            weights = 1
            for size in sizes:
                weights *= size
            size_bytes = weights // block * block_bytes
            end = max(end, offset + size_bytes)
            parameters += weights
            place = _place_of(name)
            sums[place] += size_bytes
            sums["largest"] = max(sums["largest"], size_bytes)
            if place == "token_embedding":
                rows = sizes[-1] if sizes else 0
                sums["shared_repackable"] = size_bytes if type_name in REPACKABLE else 0
            elif place == "blocks":
                sums["experts"] += size_bytes if "_exps." in name else 0
                sums["repackable"] += size_bytes if type_name in REPACKABLE and dimensions > 1 else 0
        if sums["output"]:
            sums["shared_repackable"] = 0
        alignment = max(1, alignment)
        begin = -(-(self._size - self._left) // alignment) * alignment
        if count and begin + end > self._size:
            raise UserError(
                "model_truncated",
                tr(
                    "{path} is cut short: it has {size} of at least {expected} bytes.",
                    path=visible(str(self._path)),
                    size=f"{self._size:,}",
                    expected=f"{begin + end:,}",
                ),
                tr("Fetch it again."),
            )
        return TensorBytes(**sums), parameters, rows

    def _value(self, kind: int) -> tuple[Value, int]:
        """Read one value; of a list that is too long to be a shape only the length is kept."""
        if kind == _TEXT:
            return self._text(MAX_TEXT_BYTES), 0
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind]), 0
        if kind != _ARRAY:
            raise self._refused(tr("a value is of an unknown type, {type}", type=kind))
        element, count = self._number("<I"), self._number("<Q")
        self._elements += count
        if self._elements > MAX_ELEMENTS:
            raise self._refused(tr("its lists claim {count} entries", count=f"{self._elements:,}"))
        if element == _TEXT:
            for _ in range(count):
                self._take(self._length(MAX_TEXT_BYTES))
            return (), count
        if element not in _SCALARS:
            raise self._refused(tr("a list is of an unknown type, {type}", type=element))
        form = _SCALARS[element]
        data = self._take(count * struct.calcsize(form))
        if count > MAX_KEPT_ELEMENTS:
            return (), count
        return struct.unpack(f"<{count}{form[1]}", data), count

    def _length(self, limit: int) -> int:
        length = self._number("<Q")
        if length > limit:
            raise self._refused(tr("a text claims {count} bytes", count=f"{length:,}"))
        return length

    def _text(self, limit: int) -> str:
        return self._take(self._length(limit)).decode("utf-8", "replace")

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _scalar(self, form: str) -> Scalar:
        value: Scalar = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, count: int) -> bytes:
        if count > self._left:
            raise self._refused(tr("it ends before its header does"))
        data = self._file.read(count)
        if len(data) != count:  # it was cut while we read
            raise self._refused(tr("it ends before its header does"))
        self._left -= count
        return data

    def _refused(self, reason: str) -> UserError:
        return UserError(
            "gguf_unreadable",
            tr("{path} is no model that can be used here: {reason}.", path=visible(str(self._path)), reason=reason),
            tr("Fetch it again, or choose another GGUF file."),
        )


def _place_of(name: str) -> str:
    if name == "token_embd.weight":
        return "token_embedding"
    if name == "output.weight":
        return "output"
    return "blocks" if re.match(r"(?:[a-z]+\.)?blk\.", name) else "other"


def _whole(values: Mapping[str, Value], key: str) -> int:
    value = values.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _words(values: Mapping[str, Value], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _per_layer(values: Mapping[str, Value], key: str, blocks: int, default: int) -> tuple[int, ...]:
    """Return a value that the file gives once for all layers, or as one number a layer."""
    value = values.get(key)
    if isinstance(value, tuple) and value:
        return tuple(int(each) for each in value if isinstance(each, int) and each >= 0)
    return (_whole(values, key) or default,) * blocks
