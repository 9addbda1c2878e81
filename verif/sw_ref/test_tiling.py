"""Blocks of every granularity, ragged or not, against loops; selection by ratio and by threshold."""

from itertools import product

import numpy as np
import pytest

from sw_ref.tiling import GRANULARITIES, Selection, Tiling, check_tile, largest

SHAPES = [(16, 16), (10, 20), (7, 3, 5), (9, 1, 3, 3), (5, 6, 2, 3), (1, 1), (1, 17), (17, 1)]
TILES = [(8, 8), (2, 2), (3, 4), (1, 1), (64, 64), (5, 1)]


def blocks_by_loop(tiling: Tiling) -> dict[tuple[int, ...], tuple[slice, ...]]:
    """The slice of the tensor that each block of the grid covers."""
    return {
        corner: tuple(
            slice(c * b, min((c + 1) * b, n)) for c, b, n in zip(corner, tiling.block, tiling.shape, strict=True)
        )
        for corner in product(*map(range, tiling.grid))
    }


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_any_expand_and_gather_equal_loops(
    shape: tuple[int, ...], tile: tuple[int, int], granularity: str
) -> None:
    tiling = Tiling.of(shape, tile, granularity)
    rng = np.random.default_rng(7)
    values, mask = rng.integers(1, 100, shape).astype(np.float64), rng.random(shape) < 0.05
    flags = rng.random(tiling.grid) < 0.5
    sums, hits, expanded = tiling.sums(values), tiling.any(mask), tiling.expand(flags)
    assert sums.shape == hits.shape == tiling.grid
    assert expanded.shape == shape
    gathered = tiling.gather(values, np.arange(tiling.count))
    assert gathered.shape == (tiling.count, np.prod(tiling.block))
    for number, (corner, part) in enumerate(blocks_by_loop(tiling).items()):
        assert sums[corner] == values[part].sum()
        assert hits[corner] == mask[part].any()
        assert (expanded[part] == flags[corner]).all()
        inside = gathered[number][gathered[number] != 0]
        assert inside.tolist() == values[part].ravel().tolist()


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("elements", [1, 7, 50, 400, 10**6])
@pytest.mark.parametrize("shape", SHAPES)
def test_parts_cover_the_tensor_once_and_their_sums_add_up(
    shape: tuple[int, ...], elements: int, granularity: str
) -> None:
    tiling = Tiling.of(shape, (3, 4), granularity)
    values = np.random.default_rng(8).integers(1, 100, shape).astype(np.float64)
    seen, sums = np.zeros(shape, int), np.zeros(tiling.grid)
    for part, blocks in tiling.parts(elements):
        seen[part] += 1
        sums[blocks] += tiling.sums(values[part])
    assert (seen == 1).all()
    assert (sums == tiling.sums(values)).all()


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("elements", [1, 7, 50, 400])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_part_is_no_larger_than_a_row_of_blocks_needs(
    shape: tuple[int, ...], elements: int, granularity: str
) -> None:
    """A block that spans the axis is cut: parts of a whole layer stay in the cache, too."""
    tiling = Tiling.of(shape, (3, 4), granularity)
    cut = [1 if step == size else step for step, size in zip(tiling.block, shape, strict=True)]
    least = cut[0] * cut[1] * int(np.prod(shape[2:]))
    assert all(np.zeros(shape)[part].size <= max(elements * cut[0], least) for part, _ in tiling.parts(elements))


def test_blocks_are_tiles_unless_said_otherwise() -> None:
    assert Tiling.of((9, 9, 3), (2, 5)) == Tiling.of((9, 9, 3), (2, 5), "tile") == Tiling((9, 9, 3), (2, 5, 1))
    assert check_tile([3, 5]) == (3, 5)


def test_grid_of_each_granularity() -> None:
    grids = {g: Tiling.of((10, 20, 3, 3), (8, 8), g).grid for g in GRANULARITIES}
    assert grids == {
        "element": (10, 20, 3, 3),
        "filter": (10, 1, 1, 1),
        "tile": (2, 3, 3, 3),
        "layer": (1, 1, 1, 1),
    }


@pytest.mark.parametrize(
    ("ratio", "blocks", "count"),
    [
        (0, 10, 0),
        (1, 10, 10),
        (0.15, 10, 2),
        (0.25, 10, 3),
        (0.29, 50, 15),
        (0.35, 10, 4),
        (0.05, 10, 1),
        (0.049, 10, 0),
    ],
)
def test_ratio_gives_the_exact_count_rounded_half_up(ratio: float, blocks: int, count: int) -> None:
    assert Selection(ratio=ratio).count(blocks) == count
    flags = Selection(ratio=ratio).of(np.arange(float(blocks)))
    assert flags.tolist() == [i >= blocks - count for i in range(blocks)]


def test_ties_go_to_the_first_in_c_order() -> None:
    energies = np.array([[1.0, 3, 3], [3, 3, 0]])
    assert Selection(ratio=0.5).of(energies).tolist() == [[False, True, True], [True, False, False]]
    assert Selection(ratio=0.5).of(np.zeros(5)).tolist() == [True, True, True, False, False]


def test_largest_equals_a_stable_sort() -> None:
    values = np.random.default_rng(9).integers(0, 6, (13, 11)).astype(float)
    for count in range(values.size + 1):
        order = np.argsort(-values.ravel(), kind="stable")[:count]
        expected = np.zeros(values.size, bool)
        expected[order] = True
        assert largest(values, count).dtype == bool
        assert (largest(values, count).ravel() == expected).all()


def test_threshold_is_a_norm_that_must_be_exceeded() -> None:
    energies = np.array([0.0, 4.0, 4.0 + 1e-14, 9.0])
    assert Selection(threshold=2.0).of(energies).tolist() == [False, False, True, True]
    assert Selection(threshold=0.0).of(energies).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": -0.01}, "ratio is -0.01; allowed: a number from 0 to 1"),
        ({"ratio": 1.01}, "ratio is 1.01; allowed: a number from 0 to 1"),
        ({"ratio": float("nan")}, "ratio is nan; allowed: a number from 0 to 1"),
        ({"threshold": -1.0}, "threshold is -1.0; allowed: a finite number, 0 or more"),
        ({"threshold": float("inf")}, "threshold is inf; allowed"),
        ({"threshold": float("nan")}, "threshold is nan; allowed"),
        ({}, "of ratio and threshold neither is given; allowed: exactly one"),
        ({"ratio": 0.5, "threshold": 1.0}, "of ratio and threshold both are given"),
    ],
)
def test_bad_selections_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selection(**options)


@pytest.mark.parametrize("tile", [(0, 8), (8,), (8, 8, 8), (8.0, 8), (True, 8), "8x8", None, 8])
def test_bad_tiles_are_refused(tile: object) -> None:
    with pytest.raises(ValueError, match=r"tile is .*; allowed: two whole numbers, 1 or more"):
        Tiling.of((4, 4), tile)  # type: ignore[arg-type]


def test_unknown_granularity_is_refused() -> None:
    with pytest.raises(ValueError, match="granularity is 'row'; allowed: element, filter, tile, layer"):
        Tiling.of((4, 4), (2, 2), "row")
