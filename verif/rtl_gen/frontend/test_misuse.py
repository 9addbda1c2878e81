"""Files that no other program runs are refused by name; rare constants, and those of older opsets, are found."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from rtl_gen.errors import UsageError
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.frontend.weights import layer_weights
from verif.rtl_gen.frontend.cases import KERNEL
from verif.rtl_gen.frontend.models import Make, compare, node

WEIGHT = {"w": KERNEL}
TURNED = {"w": KERNEL.transpose(1, 0, 2, 3)}
MATRIX = {"w": np.ones((4, 3), np.float32)}


@pytest.mark.parametrize("opset", [10, 11, 13, 18, 19, 25])
def test_integer_weights_of_every_opset(make: Make, opset: int) -> None:
    """ONNX's own reference knows DequantizeLinear from opset 19 only; files of quantizers have 10 to 17."""
    scale = np.float32(0.25) if opset < 13 else np.arange(1, 9, dtype=np.float32) / 64
    nodes = [
        node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=None if opset < 13 else 0),
        node("Conv", ["x", "w"], ["y"]),
    ]
    constants = {
        "q": np.arange(-144, 144).reshape(KERNEL.shape).clip(-128, 127).astype(np.int8),
        "s": scale,
        "z": np.full_like(scale, 3, np.int8),
    }
    path = make(nodes, constants, opset=opset)
    compare(path)
    weights = {weight.name: weight.array for weight in layer_weights(path) if weight.array is not None}
    expected = (constants["q"].astype(np.float32) - 3) * scale.reshape(-1, *(1,) * (3 if scale.ndim else 0))
    assert list(weights) == ["w"]
    assert np.array_equal(weights["w"], expected)


@pytest.mark.parametrize(
    ("proto", "constants", "reason"),
    [
        (node("Conv", ["x", "w"], ["y"], kernel_shape=[5, 5]), WEIGHT, r"kernel_shape is \[5, 5\]; needed: \[3, 3\]"),
        (node("Conv", ["x", "w"], ["y"], pads=[1, 1]), WEIGHT, r"pads is \[1, 1\]; needed: a start and an end per"),
        (node("Conv", ["x", "w"], ["y"], strides=[2]), WEIGHT, r"strides is \[2\]; needed: 2 numbers, 1 or more"),
        (node("Conv", ["x", "w"], ["y"], auto_pad="SAME"), WEIGHT, "auto_pad is 'SAME'; needed: NOTSET, VALID, SAME"),
        (
            node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", pads=[1, 1, 1, 1]),
            WEIGHT,
            r"auto_pad is SAME_UPPER, and pads is \[1, 1, 1, 1\]; needed: one of them",
        ),
        (node("Conv", ["x", "w"], ["y"], padding=[1, 1]), WEIGHT, "it has attribute padding; needed in opset 17: auto"),
        (node("Conv", ["x"], ["y"]), {}, "it has 1 input; needed in opset 17: 2 to 3"),
        (node("ConvTranspose", ["x", "w"], ["y"], output_shape=[1, 8, 9, 9]), TURNED, "output_shape is .*; needed: 2"),
        (node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2, 2]), {}, "strides is .*; needed: 2 numbers"),
        (node("Gemm", ["x", "w"], ["y"]), MATRIX, "its tensor has 4 axes; needed: 2"),
        (node("Gelu", ["x"], ["y"], approximate="fast"), {}, "approximate is 'fast'; needed: 'none' or 'tanh'"),
        (node("Pad", ["x", "p"], ["y"]), {"p": np.array([0, 0, 1])}, r"pads are \[0, 0, 1\]; needed: a start and an"),
        (node("Cast", ["x"], ["y"], to=6), {}, "it casts to INT32; needed: float32"),
        (node("Tile", ["x", "t"], ["y"]), {"t": np.array([1, 1, 2, 1])}, r"into \(1, 4, 12, 5\); needed: the same"),
        (node("ReduceMean", ["x"], ["y"], axes=[1, 2, 3]), {}, "channels and positions at once; needed: over pos"),
    ],
)
def test_refused(make: Make, proto: onnx.NodeProto, constants: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(UsageError, match=f"{proto.op_type} y: .*{reason}"):
        import_onnx(make([proto], constants))


def test_samples_that_become_channels_are_refused(make: Make) -> None:
    nodes = [node("Reshape", ["x", "s"], ["a"]), node("Conv", ["a", "w"], ["y"])]
    path = make(nodes, {"s": np.array([4, 1, 6, 5]), "w": KERNEL[:, :1].copy()})
    with pytest.raises(UsageError, match=r"Conv y: .*shape \[4, 1, 6, 5\] in a batch of 1; needed: the batch axis f"):
        import_onnx(path)


def test_a_matrix_with_axes_of_its_own(make: Make) -> None:
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    compare(make(nodes, {"w": KERNEL[:1, :, 0].copy()}, inputs={"x": [1, 4]}))


def test_sparse_weights(make: Make) -> None:
    nodes, shape = [node("Conv", ["x", "w"], ["y"])], [8, 4, 3, 3]
    values = numpy_helper.from_array(np.array([1.5, -2.0], np.float32), "w")
    full = np.zeros(shape, np.float32)
    full[0, 0, 0, 1], full[7, 3, 2, 2] = 1.5, -2
    for places, problem in (([1, 287], ""), ([[0, 0, 0, 1], [7, 3, 2, 2]], ""), ([1, 288], "indices go from 1 to 288")):
        path = make(nodes)
        model = onnx.load(path)
        sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(places)), shape)
        model.graph.sparse_initializer.append(sparse)
        path.write_bytes(model.SerializeToString())
        if problem:
            with pytest.raises(UsageError, match=f"tensor w is damaged: its {problem}; allowed: 0 to 287"):
                import_onnx(path)
        else:
            (made,) = import_onnx(path).nodes
            assert made.weight is not None
            assert np.array_equal(made.weight, full)


def test_an_output_that_nothing_makes(make: Make) -> None:
    path = make([node("Conv", ["x", "w"], ["y"])], WEIGHT, outputs=("y", "z"))
    with pytest.raises(UsageError, match="has output z, which nothing makes; allowed: a tensor of a node"):
        import_onnx(path)


def test_a_damaged_constant_has_its_nodes_name(make: Make) -> None:
    short = onnx.TensorProto(dims=[8, 4, 3, 3], data_type=1, float_data=[1.0])
    path = make([node("Constant", [], ["w"], value=short), node("Conv", ["x", "w"], ["y"])])
    with pytest.raises(UsageError, match="tensor w is damaged: cannot reshape"):
        import_onnx(path)
