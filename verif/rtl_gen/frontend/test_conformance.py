"""The node cases that the onnx package ships: imported and equal to what is expected, or refused by name."""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_node_model_tests

from rtl_gen.errors import UsageError
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.onnx_file import import_onnx

# For each operator: how many cases are equal, and how many are refused. The cases change with the package.
VERSION = "1.23"
EXPECTED = {
    "Add": (1, 7),
    "ArgMax": (16, 0),
    "Attention": (0, 186),
    "AveragePool": (14, 6),
    "BatchNormalization": (2, 2),
    "Cast": (8, 52),
    "Clip": (11, 13),
    "Concat": (0, 12),
    "Conv": (6, 0),
    "ConvTranspose": (9, 2),
    "DepthToSpace": (4, 0),
    "DequantizeLinear": (4, 10),
    "Div": (1, 9),
    "Dropout": (4, 8),
    "Elu": (3, 3),
    "Flatten": (3, 6),
    "Gelu": (8, 0),
    "Gemm": (8, 3),
    "GlobalAveragePool": (2, 0),
    "HardSigmoid": (6, 0),
    "HardSwish": (2, 0),
    "Identity": (1, 2),
    "LRN": (0, 2),
    "LSTM": (0, 6),
    "LeakyRelu": (3, 3),
    "MatMul": (2, 5),
    "MaxPool": (13, 6),
    "Mul": (1, 8),
    "PRelu": (0, 4),
    "Pad": (2, 4),
    "QuantizeLinear": (0, 13),
    "ReduceMean": (6, 2),
    "Relu": (2, 0),
    "Reshape": (6, 4),
    "Resize": (39, 0),
    "Sigmoid": (2, 0),
    "Slice": (5, 3),
    "Softmax": (7, 14),
    "Split": (5, 11),
    "Squeeze": (2, 0),
    "Sub": (1, 8),
    "Sum": (1, 2),
    "Swish": (2, 0),
    "Tanh": (2, 0),
    "Transpose": (2, 5),
    "Unsqueeze": (6, 1),
    "Upsample": (1, 0),
}
# Expected values that the package gives with four digits.
ROUNDED = ("test_averagepool_2d_ceil_last_window_starts_on_pad",)


def as_array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def write(case: Any, path: Path) -> dict[str, Any]:
    """The case's model with all inputs but the first made constants; the first one's value."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    given = dict(zip((port.name for port in model.graph.input), case.data_sets[0][0], strict=True))
    first = next(iter(given), None)
    for name, value in given.items():
        if name != first:
            tensor = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), name)
            model.graph.initializer.append(tensor)
            model.graph.initializer[-1].name = name
    path.write_bytes(model.SerializeToString())
    return {} if first is None else {first: as_array(given[first])}


def node_of(case: Any) -> str:
    """The operator of a case of one node."""
    return str(case.model.graph.node[0].op_type)


def check_refusal(case: Any, refusal: str) -> None:
    """It names an operator, an input or an output of the case."""
    ports = [*case.model.graph.input, *case.model.graph.output]
    names = {port.name for port in ports} | {node.op_type for node in case.model.graph.node}
    assert any(f" {name}" in refusal for name in names), (case.name, refusal)


def outcome(case: Any, path: Path) -> str:
    """ "equal" or "refused"; a failed comparison fails the test."""
    try:
        inputs = write(case, path)
        network = import_onnx(path)
        results = Runner(network).results(inputs)
    except UsageError as error:
        check_refusal(case, str(error))
        return "refused"
    dropped = any("lacks the batch axis" in note for note in network.notes)
    for port, value in zip(case.model.graph.output, case.data_sets[0][1], strict=True):
        if port.name in results:
            expected = as_array(value)
            found = results[port.name][0] if dropped else results[port.name]
            # Networks run in float32; a result of 16 bits is rounded in the file's.
            bound = {"float16": 1e-3, "bfloat16": 1e-2}.get(expected.dtype.name, 1e-3 if case.name in ROUNDED else 1e-5)
            wide = [array.astype(np.float64) for array in (found, expected)]
            np.testing.assert_allclose(*wide, rtol=bound, atol=bound, err_msg=case.name)
    assert results
    return "equal"


@pytest.mark.skipif(not onnx.__version__.startswith(VERSION), reason=f"the counts are those of onnx {VERSION}")
def test_node_cases(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases are computed with overflows on purpose
        cases = load_node_model_tests()
    # An operator's cases, and those of its expansion as a function.
    operators = {case.name: node_of(case) for case in cases if "_expanded" not in case.name}
    counts: dict[str, Counter[str]] = {}
    for case in cases:
        operator = operators[case.name.split("_expanded")[0]]
        if operator in EXPECTED:
            counts.setdefault(operator, Counter())[outcome(case, tmp_path / "case.onnx")] += 1
    assert {name: (count["equal"], count["refused"]) for name, count in counts.items()} == EXPECTED
