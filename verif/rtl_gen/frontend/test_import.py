"""What files are refused for, by name; every node is accounted for; damage is one line."""

import numpy as np
import onnx
import pytest

from rtl_gen.errors import UsageError
from rtl_gen.frontend.importer import HANDLERS, Importer
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.frontend.weights import layer_weights
from verif.rtl_gen.frontend.cases import CASES, KERNEL, SEED, norm
from verif.rtl_gen.frontend.models import Make, node


def test_all_refusals_at_once(make: Make) -> None:
    nodes = [
        node("LRN", ["x"], ["a"], name="local", size=3),
        node("Conv", ["a", "w"], ["b"], name="fine"),
        node("Sigmoid", ["b"], ["g"], name="gate"),
        node("Conv", ["x", "w"], ["c"], name="other"),
        node("Conv", ["x", "v"], ["d"], name="third"),
        node("Mul", ["c", "d"], ["e"], name="product"),
        node("InstanceNormalization", ["e", "s", "s"], ["y"], name="instance"),
    ]
    constants = {"w": KERNEL, "v": 2 * KERNEL, "s": np.ones(8, np.float32)}
    with pytest.raises(UsageError) as caught:
        import_onnx(make(nodes, constants))
    message = str(caught.value)
    assert "Mul product: it is a Mul of two activations; needed: one constant operand" in message
    assert "InstanceNormalization instance: needed: a batch norm, which is constant" in message
    assert "local" not in message, "no output depends on it"


@pytest.mark.parametrize("kind", ["Conv", "MaxPool"])
def test_three_dimensions_are_refused(make: Make, kind: str) -> None:
    inputs = ["x", "w"] if kind == "Conv" else ["x"]
    path = make(
        [node(kind, inputs, ["y"], kernel_shape=[2, 2, 2])],
        {"w": np.ones((1, 1, 2, 2, 2), np.float32)},
        inputs={"x": [1, 1, 4, 4, 4]},
    )
    with pytest.raises(UsageError, match=f"{kind} y: it has 3 kernel axes; needed: 1 or 2"):
        import_onnx(path)


def test_open_sizes_are_given_by_hand(make: Make) -> None:
    path = make([node("Conv", ["x", "w"], ["y"])], {"w": KERNEL}, inputs={"x": ["n", 4, "h", "w_"]})
    with pytest.raises(UsageError, match=r"input x has shape .* needed: a size for each axis"):
        import_onnx(path)
    assert import_onnx(path, shapes={"x": (1, 4, 9, 7)}).shapes["y"] == (8, 7, 5)
    with pytest.raises(UsageError, match="a shape is given for z; allowed: inputs, here x"):
        import_onnx(path, shapes={"z": (1, 4, 9, 7)})


def test_damaged_files(make: Make) -> None:
    """Whatever bytes are wrong: a network or one line; nothing is allocated that the file does not hold."""
    nodes, constants, _ = CASES["a channel shuffle"]
    path = make(nodes, constants)
    whole = path.read_bytes()
    rng, refusals, lines = np.random.default_rng(SEED), 0, set()
    for trial in range(150):
        damaged = bytearray(whole if trial % 4 else whole[: int(rng.integers(len(whole)))])
        for _ in range(1 + trial % 3):
            if damaged:
                damaged[int(rng.integers(min(len(damaged), 700)))] = int(rng.integers(256))
        path.write_bytes(bytes(damaged))
        try:
            import_onnx(path)
        except UsageError as error:
            refusals += 1
            lines.update(str(error).splitlines()[1:])
    assert not lines, SEED
    assert refusals > 50


@pytest.mark.parametrize("what", ["the node", "its operator", "its input", "its output", "the input", "the output"])
def test_names_are_text(make: Make, what: str) -> None:
    """Protobuf gives a name that is no UTF-8 as bytes."""
    path = make([node("Softmax", ["in"], ["out"], name="one", domain="")], inputs={"in": [1, 4]}, outputs=("out",))
    whole = path.read_bytes()
    name = {"the node": b"one", "its operator": b"Softmax"}.get(what, b"in" if "input" in what else b"out")
    at = whole.index(name) if what.startswith("its") or what == "the node" else whole.rindex(name)
    path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    for read in (import_onnx, lambda file: list(layer_weights(file))):
        with pytest.raises(UsageError, match=rf"is damaged: a name is b'\\xff{name[1:].decode()}'; allowed: UTF-8"):
            read(path)


def test_an_input_of_a_type_that_nobody_knows(make: Make) -> None:
    path = make([node("Relu", ["x"], ["y"])])
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = 99
    onnx.save(model, path)
    with pytest.raises(UsageError, match=r"input x is type 99 of shape \[1, 4, 6, 5\]; allowed: real numbers"):
        import_onnx(path)


def test_every_refused_node_is_named(make: Make) -> None:
    names = [f"block{at}/a_normalisation_layer_with_a_long_name" for at in range(30)]
    tensors = ["x", *(f"t{at}" for at in range(29)), "y"]
    path = make([node("LRN", [tensors[at]], [tensors[at + 1]], name=name, size=3) for at, name in enumerate(names)])
    with pytest.raises(UsageError) as refusal:
        import_onnx(path)
    assert [name for name in names if f"{name}, " not in f"{refusal.value}".replace(": needed", ", ")] == []


def test_a_long_name_is_cut(make: Make) -> None:
    with pytest.raises(UsageError) as refusal:
        import_onnx(make([node("LRN", ["x"], ["y"], name="n" * 10**5, size=3)]))
    assert len(str(refusal.value)) < 400


def test_options_of_the_wrong_kind_are_refused(make: Make) -> None:
    with pytest.raises(UsageError, match="Conv y: its options or inputs are of the wrong kind"):
        import_onnx(make([node("Conv", ["x", "w"], ["y"], pads=1)], {"w": KERNEL}))


@pytest.mark.parametrize("twice", ["w", "a"])
def test_a_tensor_that_is_made_twice_is_refused(make: Make, twice: str) -> None:
    nodes = [node("Relu", ["x"], ["a"]), node("Neg", ["a"], [twice], name="again"), node("Abs", [twice], ["y"])]
    with pytest.raises(UsageError, match=rf"node again makes {twice}, which is there already"):
        import_onnx(make(nodes, {"w": KERNEL}))


def test_a_handler_that_does_nothing_is_found(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives its input as its output: right for a move, a silent loss for everything else."""

    def nothing(net: Importer, done: Node) -> None:
        net.give(done, net.value(done.inputs[0]))

    path = make([node("BatchNormalization", ["x", "n0", "n1", "n2", "n3"], ["t"]), node("Relu", ["t"], ["y"])], norm(4))
    monkeypatch.setitem(HANDLERS, "BatchNormalization", nothing)
    with pytest.raises(AssertionError, match=r"nodes \['t'\] were imported, but nothing stands for them"):
        import_onnx(path)


def test_an_initializer_that_is_there_twice(make: Make) -> None:
    path = make([node("Conv", ["x", "w"], ["y"])], {"w": KERNEL})
    model = onnx.load(path)
    model.graph.initializer.append(onnx.numpy_helper.from_array(2 * KERNEL, "w"))
    onnx.save(model, path)
    for read in (import_onnx, lambda file: list(layer_weights(file))):
        with pytest.raises(UsageError, match="the graph has initializer w 2 times; allowed: once"):
            read(path)
