"""Fewer nodes that compute the same: batch norms folded, functions and sums in the layers before them, padding too."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.editor import Editor
from rtl_gen.frontend.graph import ARITHMETIC, WEIGHTED, FloatNetwork, FloatNode, uses
from rtl_gen.frontend.values import Refusal, single
from sw_ref.network import Conv

Rule = Callable[[Editor, FloatNode], bool]
"""Changes what it can at a node; whether it did."""
MOVING = ("max_pool", "concat", "resize", "pixel_shuffle", "pad", "slice", "permute", "flatten")


def normalise(network: FloatNetwork) -> tuple[FloatNetwork, set[str]]:
    """The same function of the inputs with fewer nodes; also the nodes of the file that turned out to do nothing.

    Raises :class:`UsageError` for a node whose products of constants are all too small for float32.
    """
    editor = Editor(network)
    rules: tuple[Rule, ...] = (
        drop_identity,
        fold_affine_back,
        fold_affine_forward,
        fold_pad,
        fold_add,
        fold_function,
        drop_bounds,
    )
    changed = True
    while changed:
        changed = False
        for rule in rules:
            for name in list(editor.nodes):
                node = editor.nodes.get(name)
                if node is not None and applied(rule, editor, node):
                    changed = True
    return editor.network(), editor.dropped


def applied(rule: Rule, editor: Editor, node: FloatNode) -> bool:
    """Whether a rule changed something at a node.  Raises :class:`UsageError` for what it cannot compute."""
    try:
        return rule(editor, node)
    except Refusal as refusal:
        raise UsageError(f"node {node.name} of the float network: {refusal}") from refusal


def drop_identity(editor: Editor, node: FloatNode) -> bool:
    """Affines of 1 and 0, functions and moves that change nothing."""
    if node.weight is None or node.bias is None:
        nothing = node.op == "activation" and not node.function.steps
    else:
        nothing = (
            node.op == "affine" and not node.function.steps and bool((node.weight == 1).all() and not node.bias.any())
        )
    if nothing:
        editor.bypass(node)
    return nothing


def fold_affine_back(editor: Editor, node: FloatNode) -> bool:
    """An affine into the layer, or the affine, before it."""
    first = editor.maker(node.inputs[0]) if node.op == "affine" else None
    if first is None or first.op not in (*WEIGHTED, "affine") or first.function.steps or first.added:
        return False
    weight, bias = scaled(parts(first)[0], first.bias, *parts(node))
    editor.absorb(first, node, weight=weight, bias=bias, function=node.function)
    return True


def parts(node: FloatNode) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The weight and the bias of a node that has weights; a bias of 0 if it has none."""
    weight = np.empty(0, np.float32) if node.weight is None else node.weight
    return weight, np.zeros(len(weight), np.float32) if node.bias is None else node.bias


def scaled(
    weight: NDArray[Any], bias: NDArray[Any] | None, scale: NDArray[Any], shift: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A layer's weight and bias, then scale * x + shift per output channel; rounded once."""
    factor = scale.astype(np.float64)
    if (scale == 1).all():
        return weight, shift.astype(np.float32) if bias is None else (bias + shift.astype(np.float64)).astype(
            np.float32
        )
    wide = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    offset = shift if bias is None else bias * factor + shift
    return single(wide), offset.astype(np.float32)


def fold_affine_forward(editor: Editor, node: FloatNode) -> bool:
    """An affine into the layer after it, where padding does not see the difference."""
    if node.op not in ("conv", "linear") or node.weight is None:
        return False
    first = editor.maker(node.inputs[0])
    if first is None or first.op != "affine" or first.function.steps or node.inputs.count(first.output) > 1:
        return False
    scale, offset = parts(first)
    if isinstance(node.options, Conv) and any(node.options.padding) and offset.any():
        return False
    groups = node.options.groups if isinstance(node.options, Conv) else 1
    outputs, inputs = node.weight.shape[:2]
    shape = (groups, 1, inputs, *(1,) * (node.weight.ndim - 2))
    wide = node.weight.astype(np.float64).reshape(groups, outputs // groups, *node.weight.shape[1:])
    shift = (wide * offset.reshape(shape)).reshape(outputs, -1).sum(axis=1)
    weight = single((wide * scale.reshape(shape)).reshape(node.weight.shape))
    bias = (shift if node.bias is None else node.bias + shift).astype(np.float32)
    editor.remove(first)
    inputs_now = (first.inputs[0], *node.inputs[1:])
    editor.replace(node, inputs=inputs_now, weight=weight, bias=bias, sources=(*first.sources, *node.sources))
    return True


def fold_pad(editor: Editor, node: FloatNode) -> bool:
    """Zeros around the input of convolutions into their padding; all of its readers must be able to."""
    if node.op != "pad" or node.output in editor.kept or getattr(node.options, "mode", "") != "zero":
        return False
    readers = editor.readers(node.output)
    if not readers or not all(isinstance(reader.options, Conv) and reader.added != node.output for reader in readers):
        return False
    editor.remove(node)
    for reader in readers:
        assert isinstance(reader.options, Conv)
        more = getattr(node.options, "padding", (0, 0, 0, 0))
        top, left, bottom, right = (a + b for a, b in zip(reader.options.padding, more, strict=True))
        options = replace(reader.options, padding=(top, left, bottom, right))
        inputs = (node.inputs[0], *reader.inputs[1:])
        editor.replace(reader, options=options, inputs=inputs, sources=(*node.sources, *reader.sources))
    return True


def fold_add(editor: Editor, node: FloatNode) -> bool:
    """A sum into the layer with the most arithmetic of those that make its operands, or the later one of equals.

    It is then made where the sum was, after what it adds.  A layer's arithmetic hides the work on each of its sums.
    """
    if node.op != "add" or node.inputs[0] == node.inputs[1]:
        return False
    makers = [editor.maker(name) for name in node.inputs]
    fit = [m for m in makers if m is not None and m.op in WEIGHTED and not m.function.steps and not m.added]
    if not fit:
        return False
    first = max(fit, key=lambda maker: (arithmetic(editor, maker), editor.place[maker.output]))
    other = node.inputs[1] if node.inputs[0] == first.output else node.inputs[0]
    editor.absorb(first, node, inputs=(first.inputs[0], other), function=node.function)
    return True


def arithmetic(editor: Editor, node: FloatNode) -> int:
    """Multiplications of a node with its weights, for one input."""
    return parts(node)[0].size * uses(node, editor.shapes)


def fold_function(editor: Editor, node: FloatNode) -> bool:
    """An activation into the node with arithmetic before it."""
    first = editor.maker(node.inputs[0]) if node.op == "activation" else None
    if first is None or first.op not in ARITHMETIC:
        return False
    # Two tables one after the other are one table.
    editor.absorb(first, node, function=node.function.after(first.function))
    return True


def drop_bounds(editor: Editor, node: FloatNode) -> bool:
    """Bounds that what comes in keeps to already."""
    if node.op != "activation" or node.function.bounds is None:
        return False
    low, high = node.function.bounds
    least, most = known_range(editor, node.inputs[0])
    margin = 1e-6 * max(abs(least), abs(most)) if np.isfinite((least, most)).all() else 0.0
    if not (low <= least + margin and most - margin <= high):
        return False
    editor.bypass(node)
    return True


def known_range(editor: Editor, tensor: str) -> tuple[float, float]:
    """Bounds that the nodes before a tensor keep it in."""
    waiting, seen, found = [tensor], {tensor}, []
    while waiting:
        name = waiting.pop()
        node = editor.nodes.get(name)
        if name in editor.ranges:
            found.append(editor.ranges[name])
        elif node is not None and node.function.bounds is not None and node.function.steps:
            found.append(node.function.bounds)
        elif node is None or node.op not in MOVING:
            found.append((-np.inf, np.inf))
        else:
            # What moves keeps its values; padding adds zeros.
            found += [(0.0, 0.0)] * (node.op == "pad")
            waiting += [name for name in node.inputs if name not in seen]
            seen.update(node.inputs)
    editor.ranges[tensor] = min(low for low, _ in found), max(high for _, high in found)
    return editor.ranges[tensor]
