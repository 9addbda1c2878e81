"""What files become: folded, fused, moved, refused by name; every node accounted for; damage is one line."""

from collections import Counter

import numpy as np
import onnx
import pytest

from rtl_gen.errors import UsageError
from rtl_gen.frontend.importer import HANDLERS, Importer
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.frontend.weights import layer_weights
from verif.rtl_gen.frontend.models import Make, compare, node

SEED = 11
RNG = np.random.default_rng(SEED)
KERNEL = RNG.normal(size=(8, 4, 3, 3)).astype(np.float32)


def norm(channels: int, name: str = "n") -> dict[str, np.ndarray]:
    """Parameters of a batch norm, with a negative and a zero gain."""
    gain = RNG.normal(size=channels).astype(np.float32)
    gain[:2] = (-1.5, 0)
    parts = (gain, RNG.normal(size=channels), RNG.normal(size=channels), RNG.uniform(0.5, 2, channels))
    return {f"{name}{at}": part.astype(np.float32) for at, part in enumerate(parts)}


def batch_norm(source: str, target: str, name: str = "n"):
    return node("BatchNormalization", [source, *(f"{name}{at}" for at in range(4))], [target])


CASES = {
    "a norm after a convolution, then a function": (
        [node("Conv", ["x", "w"], ["a"], pads=[1, 0, 2, 1]), batch_norm("a", "b"), node("Relu", ["b"], ["y"])],
        {"w": KERNEL, **norm(8)},
        {"conv": 1},
    ),
    "a norm before a ReLU, as in DenseNet": (
        [batch_norm("x", "a"), node("Relu", ["a"], ["b"]), node("Conv", ["b", "w"], ["y"])],
        {"w": KERNEL, **norm(4)},
        {"affine": 1, "conv": 1},
    ),
    "a norm before a convolution without padding": (
        [batch_norm("x", "a"), node("Conv", ["a", "w"], ["y"])],
        {"w": KERNEL, **norm(4)},
        {"conv": 1},
    ),
    "a norm before a convolution with padding": (
        [batch_norm("x", "a"), node("Conv", ["a", "w"], ["y"], pads=[1, 1, 1, 1])],
        {"w": KERNEL, **norm(4)},
        {"affine": 1, "conv": 1},
    ),
    "a transposed convolution in groups, and its norm": (
        [
            node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2], group=2, output_padding=[1, 0], pads=[1, 0, 0, 1]),
            batch_norm("a", "y"),
        ],
        {"w": RNG.normal(size=(4, 3, 3, 3)).astype(np.float32), **norm(6)},
        {"conv_transpose": 1},
    ),
    "a residual block": (
        [
            node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            node("Relu", ["a"], ["r"]),
            node("Conv", ["r", "v"], ["b"], pads=[1, 1, 1, 1]),
            node("Add", ["r", "b"], ["s"]),
            node("Relu", ["s"], ["y"]),
        ],
        {"w": KERNEL, "v": RNG.normal(size=(8, 8, 3, 3)).astype(np.float32)},
        {"conv": 2},
    ),
    "hard swish in four nodes": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Add", ["a", "three"], ["b"]),
            node("Clip", ["b", "zero", "six"], ["c"]),
            node("Mul", ["a", "c"], ["d"]),
            node("Div", ["d", "six"], ["y"]),
        ],
        {"w": KERNEL, "three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)},
        {"conv": 1},
    ),
    "x times sigmoid(x)": (
        [node("Conv", ["x", "w"], ["a"]), node("Sigmoid", ["a"], ["b"]), node("Mul", ["b", "a"], ["y"])],
        {"w": KERNEL},
        {"conv": 1},
    ),
    "a channel shuffle": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Reshape", ["a", "cut"], ["b"]),
            node("Transpose", ["b"], ["c"], perm=[0, 2, 1, 3, 4]),
            node("Reshape", ["c", "back"], ["y0"]),
            node("Conv", ["y0", "v"], ["y"]),
        ],
        {
            "w": KERNEL,
            "cut": np.array([1, 2, 4, 4, 3]),
            "back": np.array([1, 8, 4, 3]),
            "v": RNG.normal(size=(2, 8, 1, 1)).astype(np.float32),
        },
        {"conv": 2, "permute": 1},
    ),
    "a split, one half through a convolution": (
        [
            node("Conv", ["x", "w1"], ["k"]),
            node("Relu", ["k"], ["r"]),
            node("Split", ["r"], ["a", "b"], axis=1),
            node("Conv", ["a", "w"], ["c"], pads=[1, 1, 1, 1]),
            node("Concat", ["c", "b"], ["y"], axis=1),
        ],
        {"w": KERNEL, "w1": RNG.normal(size=(8, 4, 1, 1)).astype(np.float32)},
        {"slice": 2, "conv": 2, "concat": 1},
    ),
    "padding before a convolution": (
        [node("Pad", ["x", "p"], ["a"]), node("Conv", ["a", "w"], ["y"])],
        {"w": KERNEL, "p": np.array([0, 0, 1, 2, 0, 0, 0, 1])},
        {"conv": 1},
    ),
    "bilinear by 2 and by 4": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Resize", ["a", "", "s2"], ["b"], mode="linear", coordinate_transformation_mode="half_pixel"),
            node("Resize", ["b", "", "s4"], ["c"], mode="linear", coordinate_transformation_mode="asymmetric"),
            node("Conv", ["c", "v"], ["y"]),
        ],
        {
            "w": KERNEL,
            "v": RNG.normal(size=(2, 8, 1, 1)).astype(np.float32),
            "s2": np.array([1, 1, 2, 2], np.float32),
            "s4": np.array([1, 1, 4, 1], np.float32),
        },
        {"conv": 2, "pad": 3, "conv_transpose": 3},
    ),
    "sub-pixel convolution in both orders": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("DepthToSpace", ["a"], ["b"], blocksize=2, mode="CRD"),
            node("Conv", ["b", "v"], ["c"]),
            node("DepthToSpace", ["c"], ["d"], blocksize=2, mode="DCR"),
            node("Conv", ["d", "u"], ["y"]),
        ],
        {
            "w": KERNEL,
            "v": RNG.normal(size=(8, 2, 1, 1)).astype(np.float32),
            "u": RNG.normal(size=(1, 2, 1, 1)).astype(np.float32),
        },
        {"conv": 3, "pixel_shuffle": 2},
    ),
    "a classifier's end": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("ReduceMean", ["a"], ["b"], axes=[2, 3], keepdims=0),
            node("Gemm", ["b", "fc", "bias"], ["c"], alpha=0.5, beta=2.0),
            node("Softmax", ["c"], ["y"], axis=1),
        ],
        {
            "w": KERNEL,
            "fc": RNG.normal(size=(8, 5)).astype(np.float32),
            "bias": RNG.normal(size=5).astype(np.float32),
        },
        {"conv": 1, "average_pool": 1, "linear": 1},
    ),
    "a quantized model": (
        [
            node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
            node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
            node("DequantizeLinear", ["wq", "s"], ["w"]),
            node("Conv", ["xd", "w"], ["y"]),
        ],
        {
            "s": np.float32(2**-20),
            "z": np.int16(0),
            "wq": RNG.integers(-99, 99, (8, 4, 3, 3)).astype(np.int8),
        },
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_normalised(make: Make, name: str) -> None:
    nodes, constants, operators = CASES[name]
    if operators is None:
        network = import_onnx(make(nodes, constants, opset=21))
        assert [item.op for item in network.nodes] == ["conv"]
        return
    network = compare(make(nodes, constants))
    assert Counter(item.op for item in network.nodes) == operators
    done = {source for item in network.nodes for source in item.sources}
    fates = {label: fate for label, fate in network.account.items() if label not in done}
    assert set(fates.values()) <= {"moved", "constant", "host", "nothing"}
    assert len(network.account) == len(nodes)


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
    refusals, lines = 0, set()
    for trial in range(150):
        damaged = bytearray(whole if trial % 4 else whole[: int(RNG.integers(len(whole)))])
        for _ in range(1 + trial % 3):
            if damaged:
                damaged[int(RNG.integers(min(len(damaged), 700)))] = int(RNG.integers(256))
        path.write_bytes(bytes(damaged))
        try:
            import_onnx(path)
        except UsageError as error:
            refusals += 1
            lines.update(str(error).splitlines()[1:])
    assert not lines, SEED
    assert refusals > 50


def test_every_refused_node_is_named(make: Make) -> None:
    names = [f"block{at}/a_normalisation_layer_with_a_long_name" for at in range(30)]
    tensors = ["x", *(f"t{at}" for at in range(29)), "y"]
    path = make([node("LRN", [tensors[at]], [tensors[at + 1]], name=name, size=3) for at, name in enumerate(names)])
    with pytest.raises(UsageError) as refusal:
        import_onnx(path)
    assert [name for name in names if f"{name}, " not in f"{refusal.value}".replace(": needed", ", ")] == []


@pytest.mark.parametrize("main", ["before", "after"])
@pytest.mark.parametrize("first", ["s", "m"])
def test_a_sum_is_done_by_the_branch_with_the_most_arithmetic(make: Make, main: str, first: str) -> None:
    """3 x 3 on 8 channels or 1 x 1 on 4, whichever the file has first and whichever the sum names first."""
    long = [node("Conv", ["x", "w"], ["a"], pads=[1] * 4), node("Conv", ["a", "v"], ["m"], pads=[1] * 4)]
    short = [node("Conv", ["x", "u"], ["s"])]
    nodes = [*long, *short] if main == "before" else [*short, *long]
    nodes += [node("Add", [first, "m" if first == "s" else "s"], ["t"]), node("Relu", ["t"], ["y"])]
    weights = {"w": KERNEL, "v": (8, 8, 3, 3), "u": (8, 4, 1, 1)}
    rng = np.random.default_rng(SEED)
    constants = {n: w if n == "w" else rng.normal(size=w).astype(np.float32) for n, w in weights.items()}
    network = compare(make(nodes, constants))
    last = network.nodes[-1]
    assert last.weight is not None
    assert (last.weight.shape, last.inputs, last.output) == ((8, 8, 3, 3), ("a", "s"), "y")
    assert {n.output for n in network.nodes[:-1]} == {"a", "s"}


def test_a_sum_is_not_done_by_a_branch_that_others_read(make: Make) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["m"], pads=[1] * 4),
        node("Conv", ["x", "u"], ["s"]),
        node("Add", ["m", "s"], ["t"]),
        node("Relu", ["m"], ["r"]),
        node("Mul", ["t", "t"], ["q"]),
    ]
    network = compare(make(nodes, {"w": KERNEL, "u": KERNEL[..., :1, :1]}, outputs=("q", "r")))
    assert [n.added for n in network.nodes if n.op == "conv"] == [None, "m"]


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
