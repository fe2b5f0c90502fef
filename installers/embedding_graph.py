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
EMBEDDINGS = "inner.embeddings"
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

    def tensor(self, name: str, flat: bool = False, copy: int = 0) -> str:
        """Take over a tensor of the file: in place where it is large and may lie anywhere, else its values.

        `copy`: under a name of its own, for each node packs its weights for itself, and changes their form where the
        processor asks for another.
        """
        stored = self._stored[name]
        name = f"{name}.flat" if flat else f"{name}.{copy}" if copy else name
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
            values = numpy_helper.to_array(stored)
            made = numpy_helper.from_array(values.reshape(-1) if flat else values, name)
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

    def rows(self, name: str, kind: str, chosen: list[str], output: str) -> str:
        """Look rows of an int8 table up, and only these become float32."""
        whole = self.node(kind, [self.tensor(f"{name}.weight_q"), *chosen], f"{output}.whole")
        as_float = self.node("Cast", [whole], f"{output}.float", to=TensorProto.FLOAT)
        scales = self.node(kind, [self.tensor(f"{name}.weight_scale"), *chosen], f"{output}.scale")
        return self.node("Mul", [as_float, scales], output)

    def norm(self, values: str, place: str, output: str) -> str:
        """Normalise the last dimension."""
        weights = [self.tensor(f"{place}.LayerNorm.{part}") for part in ("weight", "bias")]
        return self.node("LayerNormalization", [values, *weights], output, axis=-1, epsilon=1e-12)

    def quantised(self, values: str) -> list[list[str]]:
        """Turn float32 into bytes, and what these leave out into bytes again: 16 bits, by the speed of 8.

        Returns the bytes, their scale and their zero, of both.
        """
        bytes_of = [self._bytes_of(values)]
        rounded = self.node("DequantizeLinear", bytes_of[0], f"{values}.rounded")
        return [*bytes_of, self._bytes_of(self.node("Sub", [values, rounded], f"{values}.rest"))]

    def _bytes_of(self, values: str) -> list[str]:
        outputs = [f"{values}.{part}" for part in ("bytes", "scale", "zero")]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [values], outputs))
        return outputs

    def dense(self, inputs: list[list[str]], place: str, output: str) -> str:
        """Multiply what `quantised` made by int8 weights, and add the bias."""
        bias = f"{place}.bias"
        added = next(node for node in self._sums if bias in node.input)
        product = self._made_by[next(one for one in added.input if one != bias)]
        scaled = self._made_by[product.input[1]]
        weights, scale = self._made_by[scaled.input[0]].input[0], self.tensor(scaled.input[1], flat=True)
        products = []
        for number, (values, value_scale, zero) in enumerate(inputs):
            operands = [values, self.tensor(weights, copy=number), value_scale, scale, zero, ""]
            operands.append("" if number else self.tensor(bias))
            products.append(self.node("MatMulIntegerToFloat", operands, f"{output}.{number}", FUSED))
        return self.node("Add", products, output)


def write(source: Path, target: Path) -> None:
    """Write the graph that computes the model in `source`."""
    graph = Rewriting(source)
    zero = graph.constant("zero", np.array([0], np.int64))
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    words = graph.rows(f"{EMBEDDINGS}.word_embeddings", "Gather", ["input_ids"], "words")
    places = graph.rows(f"{EMBEDDINGS}.position_embeddings", "Slice", [zero, length, zero], "places")
    kind = graph.constant("kind", graph.values(f"{EMBEDDINGS}.token_type_embeddings.weight")[0])
    placed = graph.node("Add", [places, kind], "placed")
    hidden = graph.norm(graph.node("Add", [words, placed], "embedded"), EMBEDDINGS, "hidden")
    for number in range(LAYERS):
        place = f"inner.encoder.layer.{number}"
        prefix = f"layer{number}"
        inputs = graph.quantised(hidden)
        parts = [graph.dense(inputs, f"{place}.attention.self.{one}", f"{prefix}.{one}") for one in QUERY_KEY_VALUE]
        heard = graph.node("MultiHeadAttention", parts, f"{prefix}.heard", FUSED, num_heads=HEADS)
        turned = graph.dense(graph.quantised(heard), f"{place}.attention.output.dense", f"{prefix}.turned")
        hidden = graph.norm(
            graph.node("Add", [turned, hidden], f"{prefix}.attended"), f"{place}.attention.output", f"{prefix}.normed"
        )
        wide = graph.dense(graph.quantised(hidden), f"{place}.intermediate.dense", f"{prefix}.wide")
        active = graph.node("Gelu", [wide], f"{prefix}.active", FUSED)
        narrow = graph.dense(graph.quantised(active), f"{place}.output.dense", f"{prefix}.narrow")
        output = "last_hidden_state" if number == LAYERS - 1 else f"{prefix}.hidden"
        hidden = graph.norm(graph.node("Add", [narrow, hidden], f"{prefix}.whole"), f"{place}.output", output)
    made = helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [1, "tokens", DIMENSION])],
        list(graph.tensors.values()),
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
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


QUERY_KEY_VALUE = ("query", "key", "value")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="the catalogue's all-MiniLM-L6-v2-int8.onnx")
    write(parser.parse_args().model, TARGET)
