"""Small ONNX files, made by the tests, and their comparison with onnxruntime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.graph import FloatNetwork
from rtl_gen.frontend.onnx_file import import_onnx

Make = Callable[..., Path]
node = helper.make_node


def write_model(
    path: Path,
    nodes: list[Any],
    constants: dict[str, Any] | None = None,
    *,
    inputs: dict[str, Any] | None = None,
    outputs: tuple[str, ...] = ("y",),
    opset: int = 17,
) -> Path:
    """Write a model: nodes, constants by name, input shapes (floats) and outputs by name; returns its path."""
    floats = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(n, floats, s) for n, s in (inputs or {"x": [1, 4, 6, 5]}).items()],
        [helper.make_tensor_value_info(name, floats, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def compare(path: Path, seed: int = 1, **shapes: tuple[int, ...]) -> FloatNetwork:
    """Import a file, run it and onnxruntime on the same random input, and require equal results; the network."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    feeds = {}
    for port in session.get_inputs():
        shape = shapes.get(port.name) or tuple(size if isinstance(size, int) else 1 for size in port.shape)
        feeds[port.name] = rng.normal(size=shape).astype(np.float32)
    network = import_onnx(path, shapes=shapes or None)
    results = Runner(network).results(feeds)
    for port, made in zip(session.get_outputs(), session.run(None, feeds), strict=True):
        expected = np.asarray(made)
        assert results[port.name].shape == expected.shape
        np.testing.assert_allclose(results[port.name], expected, rtol=1e-5, atol=1e-5 * max(1, np.abs(expected).max()))
    return network
