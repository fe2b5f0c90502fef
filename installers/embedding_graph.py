"""Makes resources/embedding/minilm.onnx: how all-MiniLM-L6-v2 is computed with whole numbers.

    python installers/embedding_graph.py MODEL    # needs onnx, which nothing else here does, onnxruntime and tokenizers

MODEL is the catalogue's all-MiniLM-L6-v2-int8.onnx. Its own graph turns the int8 weights into float32 once it is
loaded: 170 MB, and three times the time a text. The graph written here multiplies them as they are. It holds what is
small (biases, norms, scales) and points for the rest at places in that file, which `worker embed` checks by its
SHA-256. Its vectors are those of the file's own graph but for rounding (cosine 0.9996). Run it again where that file
becomes another.
"""

from __future__ import annotations

import argparse
import base64
import heapq
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import BertWordPieceTokenizer

TARGET = Path(__file__).resolve().parents[1] / "resources" / "embedding" / "minilm.onnx"
FUSED = "com.microsoft"
LAYERS, HEADS, DIMENSION = 6, 12, 384
EMBEDDINGS = "inner.embeddings"
EPSILON = 1e-12
OUTPUT = "last_hidden_state"
# So many copies of a vector's greatest channels stand beside it.
COPIES = 16
# What is smaller stands in the graph itself.
INLINE_BYTES = 65_536
# The graph carries the vector of this by the file's own graph: what a processor computes is compared with it.
PROOF = "My sister moved to Lisbon in 1998; she doesn't eat meat, works nights, and plays the cello (badly) on Sundays."

# What channels are great in any text is seen in these: an encoder of this kind has a few, and they are always the same.
SAMPLES = (
    "When does my passport run out?",
    "Anna told me that she is allergic to peanuts and shellfish.",
    "what did we say about the budget for the new kitchen last march",
    "I moved from Porto to Bergen in 2019 because of a job at the university.",
    "Please remind me to call the dentist on Tuesday at 9:30.",
    "The meeting was cancelled; nobody had read the report, and Karim was furious!",
    "She plays the violin, he paints, and their son collects stamps from Brazil.",
    "https://example.org/docs?page=3 (version 2.4.1)",
    "Yes.",
    "My favourite food is lasagne, but only the one that my grandmother used to make on Sundays when it rained.",
)


class Rewriting:
    """The new graph in the making."""

    def __init__(self, path: Path, greatest: Mapping[str, np.ndarray]) -> None:
        """`greatest`: how great each channel of a vector becomes; one that is not told of is multiplied as it is."""
        self._path = path
        self._greatest = greatest
        self._bytes = path.read_bytes()
        graph = onnx.load_from_string(self._bytes).graph
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        self._made_by = {output: node for node in graph.node for output in node.output}
        self._sums = [node for node in graph.node if node.op_type == "Add"]
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, TensorProto] = {}
        self.multiplied: list[str] = []

    def tensor(self, name: str) -> str:
        """Take over a tensor of the file: in place where it is large and may lie anywhere, else its values."""
        stored = self._stored[name]
        if stored.data_type == TensorProto.INT8 and len(stored.raw_data) > INLINE_BYTES:
            start = self._bytes.find(stored.raw_data)
            assert self._bytes.find(stored.raw_data, start + 1) < 0, "its place is not certain"
            made = TensorProto(
                name=name, data_type=stored.data_type, dims=stored.dims, data_location=TensorProto.EXTERNAL
            )
            place = {"location": self._path.name, "offset": str(start), "length": str(len(stored.raw_data))}
            for key, value in place.items():
                made.external_data.add(key=key, value=value)
        else:
            made = numpy_helper.from_array(numpy_helper.to_array(stored), name)
        self.tensors[name] = made
        return name

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add a tensor of our own."""
        self.tensors[name] = numpy_helper.from_array(values, name)
        return name

    def values(self, name: str) -> np.ndarray:
        """Return a tensor of the file."""
        return numpy_helper.to_array(self._stored[name])

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: float) -> str:
        """Add a node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def split(self, values: str, count: int) -> list[str]:
        """Cut the last dimension into equal parts."""
        parts = [f"{values}.{number}" for number in range(count)]
        self.nodes.append(helper.make_node("Split", [values], parts, axis=-1, num_outputs=count))
        return parts

    def rows(self, name: str, kind: str, chosen: list[str], output: str) -> str:
        """Look rows of an int8 table up, and only these become float32."""
        whole = self.node(kind, [self.tensor(f"{name}.weight_q"), *chosen], f"{output}.whole")
        as_float = self.node("Cast", [whole], f"{output}.float", to=TensorProto.FLOAT)
        scales = self.node(kind, [self.tensor(f"{name}.weight_scale"), *chosen], f"{output}.scale")
        return self.node("Mul", [as_float, scales], output)

    def norm(self, values: str, place: str, output: str) -> str:
        """Normalise the last dimension of `values`."""
        weights = [self.tensor(f"{place}.LayerNorm.{part}") for part in ("weight", "bias")]
        return self.node("LayerNormalization", [values, *weights], output, axis=-1, epsilon=EPSILON)

    def dense(self, values: str, places: list[str], output: str) -> str:
        """Multiply `values` as bytes by int8 weights and add the bias.

        Of several places the products stand side by side. The bytes' step is that of the greatest value of all, so the
        few channels that are far greater than all others would leave those a handful of steps. Each such channel
        stands there several times, with a part of its value each, and so do its weights: the sum is the same.
        """
        tensors = [self._dense_tensors(place) for place in places]
        weights = [self.tensor(one) for one, _, _ in tensors]
        # onnxruntime makes what comes of weights alone when it loads the graph.
        joined = self.node("Concat", weights, f"{output}.weights", axis=1) if len(weights) > 1 else weights[0]
        if values in self._greatest:
            copied = most_needed(self._greatest[values])
            channels = np.concatenate([np.arange(len(self._greatest[values]), dtype=np.int32), copied])
            shares = (1 / np.bincount(channels)[channels]).astype(np.float32)
            chosen = self.constant(f"{output}.copied", copied)
            copies = self.node("Gather", [values, chosen], f"{output}.copies", axis=-1)
            whole = self.node("Concat", [values, copies], f"{output}.with_copies", axis=-1)
            values = self.node("Mul", [whole, self.constant(f"{output}.shares", shares)], f"{output}.shared")
            rows = self.constant(f"{output}.channels", channels)
            joined = self.node("Gather", [joined, rows], f"{output}.rows", axis=0)
        self.multiplied.append(values)
        scales, biases = ([self.values(one[number]).reshape(-1) for one in tensors] for number in (1, 2))
        scale = self.constant(f"{output}.scale", np.concatenate(scales))
        bias = self.constant(f"{output}.bias", np.concatenate(biases))
        return self.node("DynamicQuantizeMatMul", [values, joined, scale, "", bias], output, FUSED)

    def _dense_tensors(self, place: str) -> tuple[str, str, str]:
        """Return the names of the weights, their scales and the bias of a place in the file."""
        bias = f"{place}.bias"
        added = next(node for node in self._sums if bias in node.input)
        product = self._made_by[next(one for one in added.input if one != bias)]
        scaled = self._made_by[product.input[1]]
        return self._made_by[scaled.input[0]].input[0], scaled.input[1], bias


def most_needed(greatest: np.ndarray) -> np.ndarray:
    """Return the channels of which copies make the greatest share least, one for each copy, in order."""
    counts = np.ones(len(greatest), int)
    shares = [(-value, channel) for channel, value in enumerate(greatest)]
    heapq.heapify(shares)
    for _ in range(COPIES):
        _, channel = shares[0]
        counts[channel] += 1
        heapq.heapreplace(shares, (-greatest[channel] / counts[channel], channel))
    return np.repeat(np.arange(len(greatest), dtype=np.int32), counts - 1)


def build(source: Path, greatest: Mapping[str, np.ndarray]) -> tuple[onnx.ModelProto, list[str]]:
    """Return the graph that computes the model in `source`, and the names of the vectors that it multiplies."""
    graph = Rewriting(source, greatest)
    zero = graph.constant("zero", np.array([0], np.int64))
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    words = graph.rows(f"{EMBEDDINGS}.word_embeddings", "Gather", ["input_ids"], "words")
    places = graph.rows(f"{EMBEDDINGS}.position_embeddings", "Slice", [zero, length, zero], "places")
    kind = graph.constant("kind", graph.values(f"{EMBEDDINGS}.token_type_embeddings.weight")[0])
    placed = graph.node("Add", [places, kind], "placed")
    hidden = graph.norm(graph.node("Add", [words, placed], "embedded"), EMBEDDINGS, "hidden")
    for number in range(LAYERS):
        place, prefix = f"inner.encoder.layer.{number}", f"layer{number}"
        asking = [f"{place}.attention.self.{one}" for one in ("query", "key", "value")]
        parts = graph.split(graph.dense(hidden, asking, f"{prefix}.asking"), 3)
        heard = graph.node("MultiHeadAttention", parts, f"{prefix}.heard", FUSED, num_heads=HEADS)
        product = graph.dense(heard, [f"{place}.attention.output.dense"], f"{prefix}.turned")
        summed = graph.node("Add", [product, hidden], f"{prefix}.heard_too")
        hidden = graph.norm(summed, f"{place}.attention.output", f"{prefix}.normed")
        wide = graph.dense(hidden, [f"{place}.intermediate.dense"], f"{prefix}.wide")
        active = graph.node("Gelu", [wide], f"{prefix}.active", FUSED)
        product = graph.dense(active, [f"{place}.output.dense"], f"{prefix}.narrow")
        summed = graph.node("Add", [product, hidden], f"{prefix}.summed")
        hidden = graph.norm(summed, f"{place}.output", OUTPUT if number == LAYERS - 1 else f"{prefix}.hidden")
    made = helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [1, "tokens", DIMENSION])],
        list(graph.tensors.values()),
    )
    versions = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
    model = helper.make_model(made, opset_imports=versions, producer_name="openclaw-desktop", ir_version=10)
    return model, graph.multiplied


def greatest_channels(source: Path) -> dict[str, np.ndarray]:
    """Return how great each channel of each vector that is multiplied becomes in SAMPLES."""
    model, names = build(source, {})
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options, file = onnxruntime.SessionOptions(), source.read_bytes()
    options.add_external_initializers_from_files_in_memory([source.name], [file], [len(file)])
    # The same graph comes of it on every processor.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    found = {name: np.zeros(1, np.float32) for name in names}
    for text in SAMPLES:
        for name, values in zip(names, session.run(names, {"input_ids": tokens_of(text)}), strict=True):
            found[name] = np.maximum(found[name], np.abs(values).max(axis=(0, 1)))
    # What is heard is a mean of values, and none of its channels is far greater than all others.
    return {name: values for name, values in found.items() if not name.endswith("heard")}


def write(source: Path, target: Path) -> None:
    """Write the graph that computes the model in `source`."""
    model, _ = build(source, greatest_channels(source))
    helper.set_model_props(model, {"proof": PROOF, "vector": base64.b64encode(own_vector(source)).decode()})
    target.write_bytes(model.SerializeToString(deterministic=True))


def tokens_of(text: str) -> np.ndarray:
    """Return the model's tokens of `text`: (1, tokens) of int64."""
    tokenizer = BertWordPieceTokenizer(str(TARGET.with_name("vocab.txt")), lowercase=True)
    return np.array([tokenizer.encode(text).ids], np.int64)


def own_vector(source: Path) -> bytes:
    """Return the vector of PROOF as the file itself computes it: little-endian float32, normalised."""
    tokens = tokens_of(PROOF)
    inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
    hidden = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    mean = hidden[0].mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype("<f4").tobytes()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="the catalogue's all-MiniLM-L6-v2-int8.onnx")
    write(parser.parse_args().model, TARGET)
