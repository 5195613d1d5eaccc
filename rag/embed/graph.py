"""A BERT encoder as an OpenVINO graph with free batch and length, built node by node from the weights.

Built rather than converted from torch: no tracing, nothing that changes with a torch release, no converter's telemetry,
and 3 lines a layer to read. Devlin et al. 2018 (post-layer-norm), exact GELU, scaled dot-product attention.
The token embeddings are looked up outside, in the mapped file: the graph holds a tenth of the weights.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[Any]]
_IMPORT = threading.Lock()


def import_openvino() -> Any:
    """The `openvino` package, silent: its import would send an event to a web statistics service (from a process forked
    for it) and leave a file in the home directory. Without the package `openvino_telemetry` it takes its own stub, so
    that one is hidden while the import lasts. Raises ImportError where OpenVINO is not installed."""
    with _IMPORT:
        hidden = "openvino_telemetry"
        if "openvino" in sys.modules or hidden in sys.modules:
            return importlib.import_module("openvino")
        sys.modules[hidden] = None  # type: ignore[assignment]  # the documented way to make an import fail
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules[hidden]


def build_encoder(weights: Weights, hidden: int, layers: int, heads: int, epsilon: float) -> Any:
    """`openvino.Model` of two inputs, `embeddings` float32 (batch, length, hidden), the sum of token, position and
    type embeddings, and `mask` float32 (batch, 1, 1, length), 0 for a token and a large negative number for padding;
    one output, the last hidden state float32 (batch, length, hidden). KeyError for a weight that is missing.
    """
    ov = import_openvino()
    ops = importlib.import_module("openvino.opset13")

    def constant(values: NDArray[Any]) -> Any:
        return ops.constant(np.ascontiguousarray(values, dtype=np.float32))

    def axes(*values: int) -> Any:
        return ops.constant(np.array(values, dtype=np.int64))

    def linear(x: Any, weight: NDArray[Any], bias: NDArray[Any]) -> Any:
        return ops.add(ops.matmul(x, constant(weight), False, True), constant(bias))

    def layer_norm(x: Any, name: str) -> Any:
        scaled = ops.mvn(x, axes(-1), True, epsilon, "inside_sqrt")
        return ops.add(ops.multiply(scaled, constant(weights[f"{name}.weight"])), constant(weights[f"{name}.bias"]))

    def dense(x: Any, name: str) -> Any:
        return linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def by_head(x: Any) -> Any:
        return ops.transpose(ops.reshape(x, axes(0, 0, heads, hidden // heads), True), axes(0, 2, 1, 3))

    embeddings = ops.parameter([-1, -1, hidden], np.float32, name="embeddings")
    mask = ops.parameter([-1, 1, 1, -1], np.float32, name="mask")
    x = layer_norm(embeddings, "embeddings.LayerNorm")
    for i in range(layers):
        at = f"encoder.layer.{i}."
        query, key, value = (by_head(dense(x, f"{at}attention.self.{part}")) for part in ("query", "key", "value"))
        mixed = ops.scaled_dot_product_attention(query, key, value, mask)
        joined = ops.reshape(ops.transpose(mixed, axes(0, 2, 1, 3)), axes(0, 0, hidden), True)
        x = layer_norm(ops.add(x, dense(joined, f"{at}attention.output.dense")), f"{at}attention.output.LayerNorm")
        wide = ops.gelu(dense(x, f"{at}intermediate.dense"), "erf")
        x = layer_norm(ops.add(x, dense(wide, f"{at}output.dense")), f"{at}output.LayerNorm")
    return ov.Model([x], [embeddings, mask], "encoder")
