"""`quantize` on ONNX files as other programs write them: weights found wherever they are, or refused by name."""

import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sw_ref.format import StlqFormat
from sw_ref.model import load_model
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tensorfile import write_tensors
from verif.rtl_gen.conftest import same
from verif.rtl_gen.test_weights import onnx_file

RNG = np.random.default_rng(5)
KERNEL = RNG.normal(size=(6, 4, 3, 3)).astype(np.float32)
MATRIX = RNG.normal(size=(5, 7)).astype(np.float32)
node = helper.make_node


def constant(name, array):
    return node("Constant", [], [name], value=numpy_helper.from_array(array, name))


def weight_norm():
    gain = np.linalg.norm(KERNEL.reshape(6, -1), axis=1).reshape(6, 1, 1, 1).astype(np.float32)
    nodes = [
        node("ReduceL2", ["v"], ["norm"], axes=[1, 2, 3], keepdims=1),
        node("Div", ["v", "norm"], ["unit"]),
        node("Mul", ["unit", "g"], ["w"]),
    ]
    return nodes, {"v": KERNEL, "g": gain}


def branch():
    graphs = [
        helper.make_graph([node("Conv", ["x", name], [out])], name, [], [helper.make_empty_tensor_value_info(out)])
        for name, out in (("a", "ya"), ("b", "yb"))
    ]
    return node("If", ["c"], ["y"], then_branch=graphs[0], else_branch=graphs[1])


@pytest.mark.parametrize(
    ("nodes", "arrays", "name", "expected"),
    [
        ([constant("w", KERNEL), node("Conv", ["x", "w"], ["y"])], {}, "w", KERNEL),
        ([node("Identity", ["v"], ["w"]), node("Conv", ["x", "w"], ["y"])], {"v": KERNEL}, "w", KERNEL),
        (
            [node("Transpose", ["v"], ["w"], perm=[3, 2, 0, 1]), node("Conv", ["x", "w"], ["y"])],
            {"v": KERNEL.transpose(2, 3, 1, 0)},
            "w",
            KERNEL,
        ),
        (
            [node("Cast", ["v"], ["w"], to=TensorProto.FLOAT), node("Conv", ["x", "w"], ["y"])],
            {"v": KERNEL.astype(np.float16)},
            "w",
            KERNEL.astype(np.float16).astype(np.float32),
        ),
        (
            [node("DequantizeLinear", ["v", "s"], ["w"]), node("Gemm", ["x", "w"], ["y"], transB=1)],
            {"v": np.arange(-6, 6, dtype=np.int8).reshape(3, 4), "s": np.float32(0.5)},
            "w",
            np.arange(-6, 6).reshape(3, 4) * np.float32(0.5),
        ),
        ([*weight_norm()[0], node("Conv", ["x", "w"], ["y"])], weight_norm()[1], "w", KERNEL),
        ([node("MatMul", ["w", "x"], ["y"])], {"w": MATRIX}, "w", MATRIX),
        ([node("FusedConv", ["x", "w"], ["y"], domain="com.microsoft")], {"w": KERNEL}, "w", KERNEL),
        (
            [node("QLinearConv", ["x", "s", "z", "w", "ws", "wz", "s", "z"], ["y"])],
            {
                "s": np.float32(1),
                "z": np.uint8(0),
                "w": np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2),
                "ws": np.array([0.5, 0.25], np.float32),
                "wz": np.array([3, 7], np.uint8),
            },
            "w",
            (np.arange(24).reshape(2, 12) - [[3], [7]]).astype(np.float32).reshape(2, 3, 2, 2)
            * np.array([0.5, 0.25], np.float32).reshape(2, 1, 1, 1),
        ),
    ],
)
def test_found(run, tmp_path, nodes, arrays, name, expected):
    ran = run("quantize", onnx_file(tmp_path / "n.onnx", nodes, arrays), "--out", tmp_path / "q.safetensors")
    assert ran.status == 0, ran
    (tensor,) = load_model(tmp_path / "q.safetensors").items()
    assert tensor[0] == name
    assert same(tensor[1], quantize_tensor(np.asarray(expected, np.float32), StlqFormat())) or np.allclose(
        tensor[1].dequantize(), quantize_tensor(np.asarray(expected, np.float32), StlqFormat()).dequantize(), atol=1e-6
    )


def test_branches(run, tmp_path):
    path = onnx_file(tmp_path / "n.onnx", [branch()], {"a": KERNEL, "b": 2 * KERNEL})
    assert run("quantize", path, "--out", tmp_path / "q.safetensors").status == 0
    assert sorted(load_model(tmp_path / "q.safetensors")) == ["a", "b"]


def test_refused_by_name(run, tmp_path):
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("MatMulInteger", ["a", "mi"], ["b"], name="integers"),
        node("LSTM", ["b", "lw", "lr"], ["c"], name="memory", hidden_size=2),
        node("Conv", ["c", "dynamic"], ["d"], name="hyper"),
        node("MatMul", ["d", "a"], ["e"], name="attention"),
    ]
    arrays = {
        "w": KERNEL,
        "mi": np.ones((3, 3), np.int8),
        "lw": np.ones((1, 8, 3), np.float32),
        "lr": np.ones((1, 8, 2), np.float32),
    }
    ran = run("quantize", onnx_file(tmp_path / "n.onnx", nodes, arrays), "--out", tmp_path / "q.safetensors", "--json")
    assert list(load_model(tmp_path / "q.safetensors")) == ["w"]
    notes = json.loads(ran.out)["notes"]
    assert notes == [
        "left out: mi: read by MatMulInteger integers, which is no layer of one matrix or kernel",
        "left out: lw: read by LSTM memory, which is no layer of one matrix or kernel",
        "left out: lr: read by LSTM memory, which is no layer of one matrix or kernel",
        "left out: dynamic: weight of Conv hyper, computed while the network runs",
        "left out: attention: MatMul attention multiplies two activations",
    ]


def test_groups(run, refused, tmp_path):
    """Grouped layers are known as such; a transposed one is turned group by group."""
    depthwise, up = KERNEL[:, :1], RNG.normal(size=(6, 2, 2, 2)).astype(np.float32)
    nodes = [node("Conv", ["x", "dw"], ["a"], group=6), node("ConvTranspose", ["a", "up"], ["b"], group=3)]
    path = onnx_file(tmp_path / "n.onnx", nodes, {"dw": depthwise, "up": up})
    out = tmp_path / "q.safetensors"
    ran = run("quantize", path, "--tile", "4x2", "--out", out, "--json")
    model = load_model(out)
    assert [(name, tensor.shape, tensor.groups) for name, tensor in model.items()] == [
        ("dw", (6, 1, 3, 3), 6),
        ("up", (6, 2, 2, 2), 3),
    ]
    # Row 0 of tiles: channels 0 to 3, which are two tiles of input channels; row 1: channels 4 and 5, one.
    assert json.loads(ran.out)["tensors"][0]["tiles"] == 3 * 9
    turned = np.concatenate([up[first : first + 2].swapaxes(0, 1) for first in (0, 2, 4)])
    assert np.array_equal(model["up"].word1, quantize_tensor(turned, StlqFormat(), tile=(4, 2)).word1)
    assert "--groups is 'dw=3'; allowed: 6, as the file says" in refused(
        "quantize", path, "--groups", "dw=3", "--out", out
    )


def test_groups_that_a_file_cannot_say(run, refused, tmp_path):
    out = tmp_path / "q.safetensors"
    np.savez(tmp_path / "w.npz", dw=KERNEL[:, :1], fc=MATRIX)
    assert (
        "dw: one input channel, counted as one group: if it is depthwise, --groups dw=6"
        in run("quantize", tmp_path / "w.npz", "--out", out).out
    )
    assert run("quantize", tmp_path / "w.npz", "--groups", "dw=6", "--out", out).status == 0
    assert load_model(out)["dw"].groups == 6
    for option, message in (
        ("dw=4", "groups is 4; allowed: a divisor of 6 output channels"),
        ("dw=0", "--groups is 'dw=0'; allowed: NAME=N"),
        ("no=1", "NAME of dw, fc"),
        ("dw", "--groups is 'dw'; allowed: NAME=N"),
    ):
        assert message in refused("quantize", tmp_path / "w.npz", "--groups", option, "--out", out)


def test_odd_tensors_do_not_refuse_the_others(run, refused, tmp_path):
    import ml_dtypes

    odd = {
        "fp8": np.ones((2, 2), ml_dtypes.float8_e4m3fn),
        "complex": np.ones((2, 2), np.complex64),
        "int64": np.ones((2, 2), np.int64),
        "bool": np.ones((2, 2), bool),
        "axes": np.ones((1, 1, 1, 1, 1), np.float32),
        "empty": np.ones((0, 2), np.float32),
        "nan": np.array([[np.nan, 1]], np.float32),
    }
    write_tensors(tmp_path / "w.safetensors", {**odd, "fc": MATRIX}, {})
    out = tmp_path / "q.safetensors"
    ran = run("quantize", tmp_path / "w.safetensors", "--out", out, "--json")
    assert list(load_model(out)) == ["fc"]
    notes = json.loads(ran.out)["notes"]
    assert sorted(note.split(":")[1].strip() for note in notes) == sorted(odd)
    message = refused("quantize", tmp_path / "w.safetensors", "--exclude", "fc", "--out", out)
    assert "has no tensor that can be quantized" in message
    assert "--exclude is 'head.*'; allowed: a pattern that matches one of" in refused(
        "quantize", tmp_path / "w.safetensors", "--exclude", "head.*", "--out", out
    )
    ran = run("quantize", tmp_path / "w.safetensors", "--exclude", "[a-eg-z]*", "--out", out, "--json")
    assert json.loads(ran.out)["notes"][0].startswith("left out, as asked: ")


def test_hostile_external_data(refused, tmp_path):
    """A path that leaves the folder, and a size that is a lie: one line, nothing read, nothing allocated."""
    (tmp_path / "secret.bin").write_bytes(bytes(400))
    folder = tmp_path / "net"
    folder.mkdir()
    for location, length, dims in (
        ("../secret.bin", 16, [2, 2]),
        ("/etc/passwd", 16, [2, 2]),
        ("own.bin", 1 << 60, [2, 2]),
        ("own.bin", 16, [-2, -2]),
        ("own.bin", 16, [1 << 40, 1 << 40]),
    ):
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        graph = helper.make_graph([node("MatMul", ["x", "w"], ["y"])], "net", [], [], [tensor])
        (folder / "n.onnx").write_bytes(helper.make_model(graph).SerializeToString())
        (folder / "own.bin").write_bytes(bytes(16))
        message = refused("quantize", folder / "n.onnx", "--out", tmp_path / "q.safetensors")
        assert "tensor w is damaged" in message, (location, message)


def test_a_number_behind_a_name_is_free(run, tmp_path):
    """`m` is read both ways, so that it is two weights; `m.2` is another one's name already."""
    square = RNG.normal(size=(5, 5)).astype(np.float32)
    nodes = [
        node("MatMul", ["x", "m"], ["a"]),
        node("Gemm", ["a", "m"], ["b"], transB=1),
        node("MatMul", ["b", "m.2"], ["y"]),
    ]
    path, out = onnx_file(tmp_path / "n.onnx", nodes, {"m": square, "m.2": square}), tmp_path / "q.safetensors"
    assert run("quantize", path, "--out", out).status == 0
    assert sorted(load_model(out)) == ["m", "m.2", "m.3"]


def test_where_nothing_can_be_quantized_each_reason_is_given(refused, tmp_path):
    nodes = [node("MatMul", ["x", "m"], ["a"], name="batched"), node("Conv", ["a", "none"], ["y"], name="hyper")]
    path = onnx_file(tmp_path / "n.onnx", nodes, {"m": np.ones((2, 5, 7), np.float32)})
    message = refused("quantize", path, "--out", tmp_path / "q.safetensors")
    assert "m: read by MatMul batched, which is no layer of one matrix or kernel" in message
    assert "none: weight of Conv hyper, computed while the network runs" in message
    path = onnx_file(tmp_path / "n.onnx", [node("Conv", ["x", "w"], ["y"])], {"w": KERNEL})
    message = refused("quantize", path, "--exclude", "*", "--out", tmp_path / "q.safetensors")
    assert message.endswith("allowed: at least one; left out, as asked: w\n")


def test_groups_of_the_wrong_kind(refused, tmp_path):
    path = onnx_file(tmp_path / "n.onnx", [node("Conv", ["x", "w"], ["y"], group=[1, 2])], {"w": KERNEL})
    message = refused("quantize", path, "--out", tmp_path / "q.safetensors")
    assert "its weight and options do not fit: group is [1, 2]; allowed: a number" in message


def test_factors_and_sources(run, tmp_path):
    """Options of a product are taken or told, and what constants are made of is not called unread."""
    nodes = [
        *weight_norm()[0],
        node("Conv", ["x", "w"], ["a"]),
        node("FusedMatMul", ["first", "a"], ["b"], domain="com.microsoft", transA=1),
        node("FusedMatMul", ["b", "second"], ["c"], domain="com.microsoft", transB=1, alpha=2.0),
        node("Gemm", ["c", "third"], ["d"], alpha=0.5),
        node("Gemm", ["batch", "d"], ["y"], name="last"),
    ]
    names = ("first", "second", "third", "batch", "unread")
    arrays = {**weight_norm()[1], **{name: MATRIX + at for at, name in enumerate(names)}}
    ran = run("quantize", onnx_file(tmp_path / "n.onnx", nodes, arrays), "--out", tmp_path / "q.safetensors", "--json")
    shapes = {name: tensor.shape for name, tensor in load_model(tmp_path / "q.safetensors").items()}
    assert shapes == {"w": (6, 4, 3, 3), "first": (7, 5), "second": (5, 7), "third": (7, 5)}
    assert json.loads(ran.out)["notes"] == [
        "left out: d: weight of Gemm last, computed while the network runs",
        "left out: batch: read by Gemm last, which is no layer of one matrix or kernel",
        "left out: unread: no node reads it",
        "left out, biases and other constants: v, g",
        "first: MatMul weight turned to (O, I, ...)",
        "second: without its layer's alpha 2",
        "third: Gemm weight turned to (O, I, ...); without its layer's alpha 0.5",
    ]
