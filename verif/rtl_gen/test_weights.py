"""The readers of weights: layers found in ONNX graphs; damaged, lying and ambiguous files refused in one line."""

import json
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sw_ref.format import StlqFormat
from sw_ref.model import load_model
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tensorfile import write_tensors
from verif.rtl_gen.conftest import SEED, same


def test_onnx(run, tmp_path):
    rng = np.random.default_rng(3)
    shapes = {
        "conv.w": (4, 3, 3, 3),
        "up.w": (4, 2, 2, 2),
        "gemm.w": (5, 6),
        "plain.w": (6, 5),
        "mat.w": (5, 7),
        "norm": (4, 4),
    }
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "conv.w"], ["a"]),
        helper.make_node("ConvTranspose", ["a", "up.w"], ["b"]),
        helper.make_node("Gemm", ["g", "gemm.w"], ["c"], transB=1),
        helper.make_node("Gemm", ["g", "plain.w"], ["d"]),
        helper.make_node("MatMul", ["c", "mat.w"], ["e"]),
        helper.make_node("Add", ["e", "norm"], ["f"]),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "g")]
    graph = helper.make_graph(nodes, "net", values, [], [numpy_helper.from_array(a, n) for n, a in arrays.items()])
    onnx.save(helper.make_model(graph), tmp_path / "net.onnx")
    ran = run("quantize", tmp_path / "net.onnx", "--out", tmp_path / "q.safetensors", "--json")
    assert ran.status == 0, ran
    model = load_model(tmp_path / "q.safetensors")
    assert sorted(model) == ["conv.w", "gemm.w", "mat.w", "plain.w", "up.w"]
    for name, tensor in model.items():
        turned = np.swapaxes(arrays[name], 0, 1) if name in ("up.w", "plain.w", "mat.w") else arrays[name]
        assert same(tensor, quantize_tensor(turned, StlqFormat())), name
    assert "up.w: ConvTranspose weight turned to (O, I, ...)" in json.loads(ran.out)["notes"]


def onnx_file(path, nodes, arrays):
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    onnx.save(helper.make_model(helper.make_graph(nodes, "net", [], [], initializers)), path)
    return path


def test_onnx_weights_that_are_none(run, refused, tmp_path):
    """A batch of matrices is left out, or refused by name; what layers read in both directions is two weights."""
    batch, square = np.ones((2, 3, 4), np.float32), np.ones((4, 4), np.float32)
    multiply = [helper.make_node("MatMul", ["x", name], ["y"]) for name in ("batch", "square")]
    path = onnx_file(tmp_path / "b.onnx", multiply, {"batch": batch, "square": square})
    ran = run("quantize", path, "--out", tmp_path / "q.safetensors", "--json")
    assert json.loads(ran.out)["notes"][0].startswith("left out: batch: read by MatMul y, which is no layer of one")
    message = refused("quantize", path, "--tensor", "batch", "--out", tmp_path / "q.safetensors")
    assert "--tensor is 'batch': read by MatMul y, which is no layer" in message
    both = [multiply[1], helper.make_node("Gemm", ["x", "square"], ["z"], transB=1)]
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    path = onnx_file(tmp_path / "s.onnx", both, {"square": values})
    assert run("quantize", path, "--out", tmp_path / "q.safetensors").status == 0
    model = load_model(tmp_path / "q.safetensors")
    assert same(model["square"], quantize_tensor(values.T, StlqFormat()))
    assert same(model["square.2"], quantize_tensor(values, StlqFormat()))


def test_onnx_names_are_text(refused, tmp_path):
    node = helper.make_node("MatMul", ["x", "NAME"], ["y"])
    path = onnx_file(tmp_path / "n.onnx", [node], {"NAME": np.ones((2, 2), np.float32)})
    path.write_bytes(path.read_bytes().replace(b"NAME", b"\xff\xfe\xfd\xfc"))
    assert "n.onnx" in refused("quantize", path, "--out", tmp_path / "q.safetensors")


def test_bad_files(refused, weights, weights_file, tmp_path):
    def message(path: object) -> str:
        return refused("quantize", path, "--out", tmp_path / "q.safetensors")

    assert "none.npy: no such file" in message(tmp_path / "none.npy")
    assert "allowed: .npy, .npz, .safetensors, .onnx\n" in message(tmp_path / "weights.txt")
    assert "from PyTorch: safetensors.torch.save_model(model, " in message(tmp_path / "weights.pt")
    np.save(tmp_path / "fc.npy", weights["fc"])
    write_tensors(tmp_path / "w.safetensors", weights, {})
    for kind in ("npy", "npz", "safetensors", "onnx"):
        source = {"npy": "fc.npy", "npz": "weights.npz", "safetensors": "w.safetensors"}.get(kind)
        whole = (tmp_path / source).read_bytes() if source else b"\x08\x07nonsense"
        for cut in (0, 1, 7, 100, len(whole) - 1):
            (tmp_path / f"cut.{kind}").write_bytes(whole[: min(cut, len(whole))])
            text = message(tmp_path / f"cut.{kind}")
            assert "is damaged" in text or "has no tensor" in text, (kind, cut, text)
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    assert "is damaged" in message(tmp_path / "o.npy")
    write_tensors(tmp_path / "b.safetensors", {"a": np.zeros(3), "b": np.zeros(4)}, {})
    assert "has no tensor of 2 to 4 axes among 2" in message(tmp_path / "b.safetensors")


def test_onnx_external_data_of_negative_size(refused, tmp_path):
    tensor = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(2, -3), data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="w.bin")
    (tmp_path / "w.bin").write_bytes(bytes(24))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "net", [], [], [tensor])
    (tmp_path / "n.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    message = refused("quantize", tmp_path / "n.onnx", "--out", tmp_path / "q.safetensors")
    assert "-3" in message


def test_duplicates(refused, weights_file, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(weights_file, "a") as archive:
        archive.writestr("fc.npy", archive.read("fc.npy"))
    assert "has tensor fc twice; allowed: once" in refused(
        "quantize", weights_file, "--out", tmp_path / "q.safetensors"
    )
    entry = b'"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}'
    header = b"{" + entry + b"," + entry + b"}"
    (tmp_path / "d.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert "a: appears twice" in refused("quantize", tmp_path / "d.safetensors", "--out", tmp_path / "q.safetensors")


@pytest.mark.parametrize("kind", ["npy", "npz", "deflated", "safetensors", "onnx"])
def test_damaged_bytes(run, weights, tmp_path, kind):
    """Whatever single byte is wrong, and wherever a file ends: a model or one line, never a traceback."""
    path = tmp_path / f"w.{'npz' if kind == 'deflated' else kind}"
    if kind == "npy":
        np.save(path, weights["fc"])
    elif kind == "safetensors":
        write_tensors(path, weights, {})
    elif kind == "onnx":
        onnx_file(path, [helper.make_node("MatMul", ["x", "fc"], ["y"])], {"fc": weights["fc"]})
    else:
        (np.savez_compressed if kind == "deflated" else np.savez)(path, **weights)
    whole = path.read_bytes()
    rng = np.random.default_rng(SEED)
    refusals = 0
    for trial in range(60):
        place = int(rng.integers(len(whole) if trial % 2 else 100))
        damaged = whole[:place] + bytes([int(rng.integers(256))]) + whole[place + 1 :]
        path.write_bytes(damaged if trial % 3 else whole[:place])
        ran = run("quantize", path, "--out", tmp_path / "q.safetensors")
        assert (ran.status, ran.err.count("\n")) in ((0, 0), (2, 1)), (SEED, trial, ran)
        refusals += ran.status == 2
    assert refusals >= 20


def test_an_array_of_objects_refuses_no_other(run, refused, tmp_path):
    np.savez(tmp_path / "w.npz", w=np.ones((3, 4), np.float32), settings=np.array([{"a": 1}]), allow_pickle=True)
    out = tmp_path / "q.safetensors"
    ran = run("quantize", tmp_path / "w.npz", "--out", out, "--json")
    assert list(load_model(out)) == ["w"]
    reason = "settings: it holds Python objects, which may be code; allowed: numbers"
    assert f"left out: {reason}" in json.loads(ran.out)["notes"]
    assert "holds Python objects" in refused("quantize", tmp_path / "w.npz", "--tensor", "settings", "--out", out)
