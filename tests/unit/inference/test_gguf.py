"""GGUF headers: what they say, and that a damaged or hostile one is a sentence and nothing worse."""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.inference.gguf import read_header

U32, F32, TEXT, ARRAY, U64 = 4, 6, 8, 9, 10
Q4_0, Q6_K, FLOATS = 2, 14, 0


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def key(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def number(name: str, value: int) -> bytes:
    return key(name, U32, struct.pack("<I", value))


def words(name: str, value: str) -> bytes:
    return key(name, TEXT, text(value))


def numbers(name: str, values: Sequence[int]) -> bytes:
    data = struct.pack(f"<{len(values)}I", *values)
    return key(name, ARRAY, struct.pack("<IQ", U32, len(values)) + data)


def texts(name: str, values: Sequence[str]) -> bytes:
    return key(name, ARRAY, struct.pack("<IQ", TEXT, len(values)) + b"".join(map(text, values)))


def tensor(name: str, sizes: Sequence[int], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def gguf(keys: Sequence[bytes], tensors: Sequence[bytes] = (), data: int = 0, version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys)) + b"".join(keys) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


KEYS = (
    words("general.architecture", "llama"),
    words("general.name", "Tiny"),
    number("general.file_type", 15),
    number("llama.block_count", 2),
    number("llama.attention.head_count", 4),
    number("llama.attention.head_count_kv", 2),
    number("llama.embedding_length", 64),
    number("llama.feed_forward_length", 128),
    number("llama.context_length", 2048),
    words("tokenizer.chat_template", "{{ messages }}"),
    texts("tokenizer.ggml.tokens", [f"t{number}" for number in range(96)]),
    key("tokenizer.ggml.scores", ARRAY, struct.pack("<IQ", F32, 96) + b"\0" * 384),
)
EMBEDDING, BLOCK, NORM = 64 * 96 // 32 * 18, 64 * 64 // 32 * 18, 64 * 4
TENSORS = (
    tensor("token_embd.weight", (64, 96), Q4_0, 0),
    tensor("blk.0.attn_q.weight", (64, 64), Q4_0, EMBEDDING),
    tensor("blk.0.attn_norm.weight", (64,), FLOATS, EMBEDDING + BLOCK),
    tensor("output_norm.weight", (64,), FLOATS, EMBEDDING + BLOCK + NORM),
)
DATA = EMBEDDING + BLOCK + 2 * NORM


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


@pytest.mark.parametrize("version", [2, 3])
def test_what_a_header_says(path: Path, version: int) -> None:
    path.write_bytes(gguf(KEYS, TENSORS, DATA, version))
    header = read_header(path)
    assert (header.architecture, header.name, header.file_type) == ("llama", "Tiny", "Q4_K_M")
    assert (header.block_count, header.head_count, header.head_count_kv) == (2, 4, (2, 2))
    assert (header.key_length, header.value_length) == (16, 16), "the embedding's width divided among the heads"
    assert (header.embedding_length, header.feed_forward_length, header.context_length) == (64, 128, 2048)
    assert header.vocab_size == 96 and header.chat_template
    assert header.parameters == 64 * 96 + 64 * 64 + 128
    tensors = header.tensors
    assert (tensors.token_embedding, tensors.output, tensors.blocks) == (EMBEDDING, 0, BLOCK + NORM)
    assert (tensors.repackable, tensors.shared_repackable, tensors.other) == (BLOCK, EMBEDDING, NORM)
    assert tensors.total == DATA and tensors.largest == EMBEDDING


def test_heads_may_differ_from_layer_to_layer(path: Path) -> None:
    keys = [each for each in KEYS if b"head_count_kv" not in each]
    path.write_bytes(gguf([*keys, numbers("llama.attention.head_count_kv", (0, 2))]))
    assert read_header(path).head_count_kv == (0, 2)


def test_what_a_file_leaves_out_is_nothing(path: Path) -> None:
    path.write_bytes(gguf([words("general.architecture", "strange")]))
    header = read_header(path)
    assert (header.block_count, header.head_count_kv, header.vocab_size, header.key_length) == (0, (), 0, 0)
    assert not header.chat_template and header.file_type == ""


def test_a_file_of_experts_tells_how_many_work(path: Path) -> None:
    keys = [*KEYS, number("llama.expert_count", 8), number("llama.expert_used_count", 2)]
    experts = tensor("blk.0.ffn_up_exps.weight", (64, 64), Q4_0, 0)
    path.write_bytes(gguf(keys, [experts], BLOCK))
    header = read_header(path)
    assert (header.expert_count, header.expert_used_count, header.tensors.experts) == (8, 2, BLOCK)


def test_a_file_cut_anywhere_is_a_sentence(path: Path) -> None:
    whole = gguf(KEYS, TENSORS, DATA)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError) as caught:
            read_header(path)
        assert str(path) in caught.value.failure.sentence
        assert caught.value.failure.code in ("gguf_unreadable", "model_truncated")


def test_a_file_without_its_last_byte_says_how_many_are_missing(path: Path) -> None:
    whole = gguf(KEYS, TENSORS, DATA)
    path.write_bytes(whole[:-1])
    with pytest.raises(UserError, match=f"{len(whole) - 1:,} of at least {len(whole):,} bytes"):
        read_header(path)


HUGE = 2**63
HOSTILE = {
    "another kind of file": b"PK\x03\x04" + b"\0" * 100,
    "the other byte order": b"GGUF" + struct.pack(">IQQ", 3, 0, 1),
    "keys without end": b"GGUF" + struct.pack("<IQQ", 3, 0, HUGE),
    "tensors without end": b"GGUF" + struct.pack("<IQQ", 3, HUGE, 0),
    "a key of exabytes": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, HUGE),
    "a text of exabytes": gguf([key("a", TEXT, struct.pack("<Q", HUGE))]),
    "a list of exabytes": gguf([key("a", ARRAY, struct.pack("<IQ", U64, HUGE))]),
    "a list of endless texts": gguf([key("a", ARRAY, struct.pack("<IQ", TEXT, HUGE))]),
    "a list of lists": gguf([key("a", ARRAY, struct.pack("<IQ", ARRAY, 1) * 50)]),
    "a value of no type": gguf([key("a", 99, b"")]),
    "a tensor of no type": gguf(KEYS, [tensor("x", (4,), 5, 0)]),
    "a tensor of many dimensions": gguf(KEYS, [text("x") + struct.pack("<I", HUGE >> 40)]),
    "a tensor of exabytes": gguf(KEYS, [tensor("x", (HUGE, HUGE, HUGE, HUGE), FLOATS, 0)]),
    "a tensor far away": gguf(KEYS, [tensor("x", (4,), FLOATS, HUGE)], 64),
    "layers without end": gguf([words("general.architecture", "a"), number("a.block_count", 2**32 - 1)]),
    "no architecture": gguf([words("general.name", "x")]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_header_is_refused_at_once(path: Path, what: str) -> None:
    path.write_bytes(HOSTILE[what])
    tracemalloc.start()
    started_s = time.process_time()
    with pytest.raises(UserError) as caught:
        read_header(path)
    assert time.process_time() - started_s < 1
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert caught.value.failure.code in ("gguf_unreadable", "model_truncated")


def test_strange_values_where_numbers_belong_do_no_harm(path: Path) -> None:
    keys = [
        words("general.architecture", "a"), words("a.block_count", "many"), number("general.alignment", 0),
        key("a.attention.head_count", F32, struct.pack("<f", 4.5)), words("general.file_type", "x"),
        numbers("a.attention.head_count_kv", ()),
    ]  # fmt: skip
    path.write_bytes(gguf(keys, TENSORS, DATA))
    header = read_header(path)
    assert (header.block_count, header.head_count, header.head_count_kv) == (0, 0, ())


def test_a_file_that_is_not_there_is_a_sentence(path: Path) -> None:
    with pytest.raises(UserError, match="can't be read"):
        read_header(path)


def test_a_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        read_header(tmp_path)
