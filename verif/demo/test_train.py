"""The float network in the repository is one that `python -m demo.train` writes."""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from demo import digits
from demo.network import FLOAT, read_in_float
from demo.train import Residual, to_onnx


def described(model: onnx.ModelProto) -> list[Any]:
    """All but the weights' values."""
    nodes = [(node.name, node.op_type, list(node.input), list(node.output)) for node in model.graph.node]
    return [nodes, [(tensor.name, list(tensor.dims), tensor.data_type) for tensor in model.graph.initializer]]


def untrained() -> Residual:
    model = Residual()
    model.fold()
    return model


def test_the_file_has_the_graph_of_the_model() -> None:
    assert FLOAT.stat().st_size < 100_000
    assert described(onnx.load(FLOAT)) == described(onnx.load_from_string(to_onnx(untrained())))


def test_the_same_model_gives_the_same_bytes() -> None:
    model = untrained()
    assert to_onnx(model) == to_onnx(model)


def test_the_file_computes_what_the_model_does() -> None:
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in onnx.load(FLOAT).graph.initializer}
    model = untrained()
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    _, test = digits.load()
    with torch.inference_mode():
        wanted = model(torch.from_numpy(test.images)).argmax(1).numpy()
    assert np.array_equal(read_in_float(test.images), wanted)


def test_folding_keeps_what_the_model_computes() -> None:
    torch.manual_seed(3)
    model, images = Residual(), torch.rand(64, 1, 8, 8)
    model(images)  # moves the batch norms' statistics
    with torch.inference_mode():
        wanted = model.eval()(images)
        model.fold()
        assert torch.allclose(model(images), wanted, atol=1e-5)
