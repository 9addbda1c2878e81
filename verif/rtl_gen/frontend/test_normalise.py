"""Nodes folded and fused into fewer that compute the same, however many there are."""

import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from rtl_gen.frontend.editor import Editor
from rtl_gen.frontend.function import Function
from rtl_gen.frontend.graph import Activation, FloatNetwork, FloatNode, Port
from rtl_gen.frontend.normalise import known_range, normalise
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.network import Add, Conv, Flatten
from verif.rtl_gen.frontend.cases import CASES, KERNEL, SEED
from verif.rtl_gen.frontend.models import Make, compare, node

RELU = Function().then("Clip", 0, 0.0, np.inf)
SIGMOID = Function().then("Sigmoid", 0)


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


def test_many_nodes_take_no_more_time_each() -> None:
    """Three times as many blocks are about three times as many calls; a question to every node would make nine."""
    few, many = (_calls(_chain(blocks)) for blocks in (20, 60))
    assert many < 3.3 * few


def _calls(network: FloatNetwork) -> int:
    """Calls of functions, and of generators for one more value, while a network is normalised."""
    events: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, _arg: events.append(event))
    try:
        normalise(network)
    finally:
        sys.setprofile(before)
    return events.count("call") + events.count("c_call")


def _chain(blocks: int) -> FloatNetwork:
    """A convolution, its function, the sum with what came in, and a function of that, one block after the other."""
    weight = np.ones((1, 1, 1, 1), np.float32)
    nodes, last = [], "x"
    for at in range(blocks):
        conv, table, add, relu = (f"{part}{at}" for part in "cfsr")
        nodes += [
            FloatNode(name=conv, options=Conv(), inputs=(last,), output=conv, weight=weight),
            FloatNode(name=table, options=Activation(), inputs=(conv,), output=table, function=SIGMOID),
            FloatNode(name=add, options=Add(), inputs=(table, last), output=add),
            FloatNode(name=relu, options=Activation(), inputs=(add,), output=relu, function=RELU),
        ]
        last = relu
    return _network(nodes)


def _network(nodes: list[FloatNode]) -> FloatNetwork:
    """From x to the output of the last node, all of shape (1, 1, 1)."""
    names = ("x", *(node.output for node in nodes))
    ports = [Port(name=name, tensor=name, shape=(1, 1, 1)) for name in (names[0], names[-1])]
    return FloatNetwork(
        nodes=tuple(nodes), shapes=dict.fromkeys(names, (1, 1, 1)), inputs=(ports[0],), outputs=(ports[1],)
    )


def test_bounds_are_known_through_any_number_of_moves() -> None:
    """More than Python's stack is deep."""
    names = [f"t{at}" for at in range(sys.getrecursionlimit() + 10)]
    relu = FloatNode(name="r", options=Activation(), inputs=("x",), output="t0", function=RELU)
    moves = [FloatNode(name=name, options=Flatten(), inputs=(source,), output=name) for source, name in pairwise(names)]
    editor = Editor(_network([relu, *moves]))
    assert (known_range(editor, names[-1]), known_range(editor, "x")) == ((0.0, np.inf), (-np.inf, np.inf))
