"""Makes resources/embedding/minilm.onnx: how all-MiniLM-L6-v2 is computed with whole numbers.

    python installers/embedding_graph.py MODEL    # needs onnx, which nothing else here does, onnxruntime and tokenizers

MODEL is the catalogue's all-MiniLM-L6-v2-int8.onnx. Its own graph turns the int8 weights into float32 once it is
loaded: 170 MB, and three times the time a text. The graph written here multiplies them as they are. It holds what is
small (biases, norms, scales) and points for the rest at places in that file, which `worker embed` checks by its
SHA-256. Its vectors are those of the file's own graph (cosine 1.0000). Run it again where that file becomes another.
"""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import BertWordPieceTokenizer

TARGET = Path(__file__).resolve().parents[1] / "resources" / "embedding" / "minilm.onnx"
FUSED = "com.microsoft"
LAYERS, HEADS, DIMENSION = 6, 12, 384
ROOT = DIMENSION**0.5
EMBEDDINGS = "inner.embeddings"
EPSILON = 1e-12
# What the bytes count for, and what they leave out.
COUNT_FOR = np.array([[1, 1 / 254]], np.float32)
CONSTANTS = {
    "middle": np.array(128, np.uint8),
    "count_for": COUNT_FOR,
    "as_two": np.array([2, -1], np.int64),
}
# What is smaller stands in the graph itself.
INLINE_BYTES = 65_536
# The graph carries the vector of this by the file's own graph: what a processor computes is compared with it.
PROOF = "My sister moved to Lisbon in 1998; she doesn't eat meat, works nights, and plays the cello (badly) on Sundays."


class Rewriting:
    """The new graph in the making."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = path.read_bytes()
        graph = onnx.load_from_string(self._bytes).graph
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        self._made_by = {output: node for node in graph.node for output in node.output}
        self._sums = [node for node in graph.node if node.op_type == "Add"]
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, TensorProto] = {}

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

    def quantised(self, values: str, greatest: float) -> list[str]:
        """Turn float32 into bytes, and what these leave out into bytes again: 16 bits, by the speed of 8.

        Returns both, one below the other as rows of one matrix, and their scale: what is left out is half a step at
        most, so that a 254th of the scale is its own. `greatest`: none of the values can be beyond it. With 16 bits it
        may be several times what they ever are, and to look for the greatest of each text would take longer.
        """
        scale = self.constant(f"{values}.scale", np.array(greatest / 127, np.float32))
        fine = self.constant(f"{values}.fine", np.array(greatest / 127 / 254, np.float32))
        bytes_of = self.node("QuantizeLinear", [values, scale, "middle"], f"{values}.bytes")
        rounded = self.node("DequantizeLinear", [bytes_of, scale, "middle"], f"{values}.rounded")
        rest = self.node("Sub", [values, rounded], f"{values}.rest")
        rest_bytes = self.node("QuantizeLinear", [rest, fine, "middle"], f"{values}.rest_bytes")
        return [self.node("Concat", [bytes_of, rest_bytes], f"{values}.rows", axis=1), scale]

    def greatest_normed(self, normed_at: str) -> float:
        """Return what no value of `norm` is beyond: before its weights none is beyond the root of their number."""
        weight, bias = (np.abs(self.values(f"{normed_at}.LayerNorm.{part}")) for part in ("weight", "bias"))
        return float((ROOT * weight + bias).max())

    def greatest_product(self, normed_at: str, place: str) -> float:
        """Return what no value of `dense` is beyond where `norm` gave what it multiplies, all of one length."""
        weight, bias = (self.values(f"{normed_at}.LayerNorm.{part}").astype(float) for part in ("weight", "bias"))
        multiplied, scale, added = self._dense_tensors(place)
        weights = self.values(multiplied) * self.values(scale).reshape(1, -1).astype(float)
        centre = bias @ weights + self.values(added)
        return float((ROOT * np.linalg.norm(weight[:, None] * weights, axis=0) + np.abs(centre)).max())

    def dense(self, inputs: list[str], places: list[str], output: str) -> str:
        """Multiply what `quantised` made by int8 weights, which are read once for both, and add the bias.

        Of several places the products stand side by side.
        """
        values, value_scale = inputs
        tensors = [self._dense_tensors(place) for place in places]
        weights = [self.tensor(one) for one, _, _ in tensors]
        # onnxruntime joins them when it loads the graph.
        joined = self.node("Concat", weights, f"{output}.weights", axis=1) if len(weights) > 1 else weights[0]
        scale = np.concatenate([self.values(one).reshape(-1) for _, one, _ in tensors])
        bias = np.concatenate([self.values(one) for _, _, one in tensors])
        operands = [values, joined, value_scale, self.constant(f"{output}.scale", scale), "middle", ""]
        # It is added to both.
        operands.append(self.constant(f"{output}.bias", (bias / COUNT_FOR.sum()).astype(np.float32)))
        both = self.node("MatMulIntegerToFloat", operands, f"{output}.both", FUSED)
        # The sum of both is their product with (1, 1/254).
        halves = self.node("Reshape", [both, "as_two"], f"{output}.halves")
        summed = self.node("MatMul", ["count_for", halves], f"{output}.sum")
        shape = self.constant(f"{output}.shape", np.array([1, -1, len(bias)], np.int64))
        return self.node("Reshape", [summed, shape], output)

    def _dense_tensors(self, place: str) -> tuple[str, str, str]:
        """Return the names of the weights, their scales and the bias of a place in the file."""
        bias = f"{place}.bias"
        added = next(node for node in self._sums if bias in node.input)
        product = self._made_by[next(one for one in added.input if one != bias)]
        scaled = self._made_by[product.input[1]]
        return self._made_by[scaled.input[0]].input[0], scaled.input[1], bias


def write(source: Path, target: Path) -> None:
    """Write the graph that computes the model in `source`."""
    graph = Rewriting(source)
    for name, values in CONSTANTS.items():
        graph.constant(name, values)
    zero = graph.constant("zero", np.array([0], np.int64))
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    words = graph.rows(f"{EMBEDDINGS}.word_embeddings", "Gather", ["input_ids"], "words")
    places = graph.rows(f"{EMBEDDINGS}.position_embeddings", "Slice", [zero, length, zero], "places")
    kind = graph.constant("kind", graph.values(f"{EMBEDDINGS}.token_type_embeddings.weight")[0])
    placed = graph.node("Add", [places, kind], "placed")
    hidden, normed_at = graph.norm(graph.node("Add", [words, placed], "embedded"), EMBEDDINGS, "hidden"), EMBEDDINGS
    for number in range(LAYERS):
        place, prefix = f"inner.encoder.layer.{number}", f"layer{number}"
        asking = [f"{place}.attention.self.{one}" for one in ("query", "key", "value")]
        inputs = graph.quantised(hidden, graph.greatest_normed(normed_at))
        parts = graph.split(graph.dense(inputs, asking, f"{prefix}.asking"), 3)
        heard = graph.node("MultiHeadAttention", parts, f"{prefix}.heard", FUSED, num_heads=HEADS)
        # What is heard is a mean of values.
        inputs = graph.quantised(heard, graph.greatest_product(normed_at, asking[-1]))
        product = graph.dense(inputs, [f"{place}.attention.output.dense"], f"{prefix}.turned")
        normed_at = f"{place}.attention.output"
        hidden = graph.norm(graph.node("Add", [product, hidden], f"{prefix}.heard_too"), normed_at, f"{prefix}.normed")
        widening = f"{place}.intermediate.dense"
        inputs = graph.quantised(hidden, graph.greatest_normed(normed_at))
        active = graph.node("Gelu", [graph.dense(inputs, [widening], f"{prefix}.wide")], f"{prefix}.active", FUSED)
        # It makes no value greater.
        inputs = graph.quantised(active, graph.greatest_product(normed_at, widening))
        product = graph.dense(inputs, [f"{place}.output.dense"], f"{prefix}.narrow")
        normed_at = f"{place}.output"
        output = "last_hidden_state" if number == LAYERS - 1 else f"{prefix}.hidden"
        hidden = graph.norm(graph.node("Add", [product, hidden], f"{prefix}.summed"), normed_at, output)
    made = helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [1, "tokens", DIMENSION])],
        list(graph.tensors.values()),
    )
    versions = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
    model = helper.make_model(made, opset_imports=versions, producer_name="openclaw-desktop", ir_version=10)
    helper.set_model_props(model, {"proof": PROOF, "vector": base64.b64encode(own_vector(source)).decode()})
    target.write_bytes(model.SerializeToString(deterministic=True))


def own_vector(source: Path) -> bytes:
    """Return the vector of PROOF as the file itself computes it: little-endian float32, normalised."""
    tokenizer = BertWordPieceTokenizer(str(TARGET.with_name("vocab.txt")), lowercase=True)
    tokens = np.array([tokenizer.encode(PROOF).ids], np.int64)
    inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
    hidden = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    mean = hidden[0].mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype("<f4").tobytes()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="the catalogue's all-MiniLM-L6-v2-int8.onnx")
    write(parser.parse_args().model, TARGET)
