"""An outside program: computes every tensor of a network file, one code at a time, from docs/network.md alone.

It shares no code with `sw_ref`: the file is read by the safetensors library, all numbers are Python's.
"""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from safetensors import safe_open

Codes = list[list[list[int]]]  # [channel][row][column]
Read = Callable[[int, int, int], int]


class NaiveNetwork:
    """A network file; :meth:`run` computes one image."""

    def __init__(self, path: Path) -> None:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata()
            self.arrays: Any = {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118
        assert metadata["schema"] == "1"
        assert metadata["kind"] == "network"
        for key in ("format", "tensors", "nodes", "inputs", "outputs"):
            setattr(self, key, json.loads(metadata[key]))

    format: dict[str, int]
    tensors: dict[str, Any]
    nodes: list[dict[str, Any]]
    inputs: list[str]
    outputs: list[str]

    def run(self, codes: dict[str, Codes]) -> dict[str, Codes]:
        """Every tensor of one image, from those of the inputs."""
        codes = dict(codes)
        for node in self.nodes:
            maker = getattr(self, f"_{node['op']}", None)
            acts = [codes[name] for name in node["inputs"]]
            made = (
                maker(node, *acts) if maker else MOVE[node["op"]](node["options"], self._zero(node["inputs"][0]), *acts)
            )
            codes[node["output"]] = made
        return codes

    def _zero(self, tensor: str) -> int:
        return self.tensors[tensor]["zero"]

    def _term(self, code: int) -> int:
        levels = 2 ** (self.format["bits"] - 1)
        return 0 if code == 0 else (1 if code > 0 else -1) * 2 ** (levels - abs(code))

    def _weight(self, node: dict[str, Any]) -> Any:
        """W as nested lists [o][i][u][v]."""

        def combine(first: Any, second: Any) -> Any:
            if isinstance(first, list):
                return [combine(a, b) for a, b in zip(first, second, strict=True)]
            return self._term(first) * 2 ** self.format["residual_shift"] + self._term(second)

        found = combine(self.arrays[f"{node['name']}.word1"], self.arrays[f"{node['name']}.word2"])
        if not isinstance(found[0][0], list):
            return [[[[w]] for w in row] for row in found]
        if not isinstance(found[0][0][0], list):
            return [[[row] for row in filter_] for filter_ in found]
        return found

    def _finish(self, node: dict[str, Any], sums: Codes, added: Codes | None, row: Callable[[int, int], int]) -> Codes:
        """From sums to codes; `row`: which row of multipliers a position takes, or -1."""
        bias, multipliers, shifts, more, table = (
            self.arrays.get(f"{node['name']}.{part}")
            for part in ("bias", "multiplier", "shift", "add_multiplier", "table")
        )

        def one(c: int, y: int, x: int) -> int:
            at = row(y, x)
            shift = (shifts if at < 0 else shifts[at])[c]
            value = (sums[c][y][x] + bias[c]) * (multipliers if at < 0 else multipliers[at])[c]
            if added is not None:
                value += (added[c][y][x] - self._zero(node["inputs"][1])) * more[c]
            if shift:
                value += 2 ** (shift - 1)
            code = value // 2**shift + self._zero(node["output"])
            code = min(max(code, node["options"]["low"]), node["options"]["high"])
            return table[code] if table is not None else code

        return tensor(one, *self.tensors[node["output"]]["shape"])

    def _conv(self, node: dict[str, Any], acts: Codes, added: Codes | None = None) -> Codes:
        weight, options = self._weight(node), node["options"]
        read = reader(acts, self._zero(node["inputs"][0]))
        (sy, sx), (dy, dx), (top, left) = options["stride"], options["dilation"], options["padding"][:2]
        per_group = len(weight) // options["groups"]

        def one(o: int, y: int, x: int) -> int:
            first = o // per_group * len(weight[o])
            return sum(
                w * read(first + i, y * sy + u * dy - top, x * sx + v * dx - left) for i, u, v, w in taps(weight[o])
            )

        return self._finish(node, tensor(one, *self.tensors[node["output"]]["shape"]), added, lambda y, x: -1)

    def _linear(self, node: dict[str, Any], acts: Codes, added: Codes | None = None) -> Codes:
        plain = {"stride": [1, 1], "dilation": [1, 1], "padding": [0, 0, 0, 0], "groups": 1}
        return self._conv({**node, "options": {**plain, **node["options"]}}, acts, added)

    def _conv_transpose(self, node: dict[str, Any], acts: Codes, added: Codes | None = None) -> Codes:
        weight, options, zero = self._weight(node), node["options"], self._zero(node["inputs"][0])
        read = reader(acts, zero)
        (sy, sx), (dy, dx), (top, left) = options["stride"], options["dilation"], options["padding"][:2]
        per_group = len(weight) // options["groups"]

        def spread(c: int, y: int, x: int) -> int:
            return zero if y % sy or x % sx else read(c, y // sy, x // sx)

        def one(o: int, y: int, x: int) -> int:
            first = o // per_group * len(weight[o])
            return sum(w * spread(first + i, y + top - u * dy, x + left - v * dx) for i, u, v, w in taps(weight[o]))

        return self._finish(node, tensor(one, *self.tensors[node["output"]]["shape"]), added, lambda y, x: -1)

    def _average_pool(self, node: dict[str, Any], acts: Codes) -> Codes:
        options = node["options"]
        read = reader(acts, self._zero(node["inputs"][0]))
        shape = self.tensors[node["output"]]["shape"]
        sums = tensor(lambda c, y, x: sum(read(c, *at) for at in window(options, y, x)), *shape)
        counts = [
            [sum(inside(acts[0], *at) for at in window(options, y, x)) for x in range(shape[2])]
            for y in range(shape[1])
        ]
        order = sorted({count for row in counts for count in row}, reverse=True)
        return self._finish(
            node, sums, None, lambda y, x: -1 if options["count_padding"] else order.index(counts[y][x])
        )

    def _add(self, node: dict[str, Any], acts: Codes, added: Codes) -> Codes:
        return self._finish(node, acts, added, lambda y, x: -1)


def tensor(one: Callable[[int, int, int], int], channels: int, rows: int, columns: int) -> Codes:
    """A tensor of a shape, code by code."""
    return [[[one(c, y, x) for x in range(columns)] for y in range(rows)] for c in range(channels)]


def inside(channel: list[list[int]], y: int, x: int) -> bool:
    """Whether a channel has that position."""
    return 0 <= y < len(channel) and 0 <= x < len(channel[0])


def reader(acts: Codes, zero: int) -> Read:
    """Reads codes; outside the input the zero point."""
    return lambda c, y, x: acts[c][y][x] if inside(acts[c], y, x) else zero


def taps(weight: Any) -> list[tuple[int, int, int, int]]:
    """(i, u, v, W) of one output channel."""
    return [
        (i, u, v, w) for i, plane in enumerate(weight) for u, row in enumerate(plane) for v, w in enumerate(row) if w
    ]


def window(options: dict[str, Any], y: int, x: int) -> list[tuple[int, int]]:
    """The positions that a pool's window covers."""
    (ky, kx), (sy, sx), (dy, dx), (top, left) = (
        options["kernel"], options["stride"], options["dilation"], options["padding"][:2]
    )  # fmt: skip
    return [(y * sy + u * dy - top, x * sx + v * dx - left) for u, v in product(range(ky), range(kx))]


def max_pool(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    sizes = [
        (len(acts[0]) if axis == 0 else len(acts[0][0]))
        + options["padding"][axis]
        + options["padding"][axis + 2]
        - options["dilation"][axis] * (options["kernel"][axis] - 1)
        - 1
        for axis in (0, 1)
    ]
    rows, columns = (size // stride + 1 for size, stride in zip(sizes, options["stride"], strict=True))
    return tensor(
        lambda c, y, x: max(acts[c][v][u] for v, u in window(options, y, x) if inside(acts[c], v, u)),
        len(acts),
        rows,
        columns,
    )


def concat(options: dict[str, Any], zero: int, *acts: Codes) -> Codes:
    return [channel for one in acts for channel in one]


def resize(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    fy, fx = options["factor"]
    return tensor(lambda c, y, x: acts[c][y // fy][x // fx], len(acts), len(acts[0]) * fy, len(acts[0][0]) * fx)


def pixel_shuffle(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    b = options["block"]
    channels = len(acts) // b**2

    def one(c: int, y: int, x: int) -> int:
        v, u = y % b, x % b
        source = (v * b + u) * channels + c if options["order"] == "DCR" else (c * b + v) * b + u
        return acts[source][y // b][x // b]

    return tensor(one, channels, len(acts[0]) * b, len(acts[0][0]) * b)


def pad(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    top, left, bottom, right = options["padding"]
    rows, columns = len(acts[0]), len(acts[0][0])

    def near(at: int, size: int) -> int:
        if options["mode"] == "edge":
            return min(max(at, 0), size - 1)
        at = abs(at)
        return 2 * (size - 1) - at if at >= size else at

    def one(c: int, y: int, x: int) -> int:
        y, x = y - top, x - left
        if options["mode"] == "zero":
            return acts[c][y][x] if inside(acts[c], y, x) else zero
        return acts[c][near(y, rows)][near(x, columns)]

    return tensor(one, len(acts), rows + top + bottom, columns + left + right)


def slice_(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    c0, y0, x0 = options["start"]
    c1, y1, x1 = options["stop"]
    return tensor(lambda c, y, x: acts[c0 + c][y0 + y][x0 + x], c1 - c0, y1 - y0, x1 - x0)


def permute(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    return [acts[channel] for channel in options["order"]]


def flatten(options: dict[str, Any], zero: int, acts: Codes) -> Codes:
    return [[[code]] for channel in acts for row in channel for code in row]


MOVE: dict[str, Callable[..., Codes]] = {
    "max_pool": max_pool,
    "concat": concat,
    "resize": resize,
    "pixel_shuffle": pixel_shuffle,
    "pad": pad,
    "slice": slice_,
    "permute": permute,
    "flatten": flatten,
}
