"""Words of one layer chosen for its output: the rounding error of each weight is taken up by the others.

If the weights of an output channel are off by e, its output is off by e H e^T, with H the second moments of the
layer's inputs about their means (the means are for the bias to correct).  :func:`compensate` goes through the columns
one by one and moves each error into the columns that are not yet rounded: optimal brain surgeon (Hassibi and Stork,
1993) in the order of GPTQ (Frantar et al., 2023, algorithm 1), for one-word and two-word levels.  :func:`polish` then
moves single words as long as that helps.

All arrays have a first axis of groups G, which share nothing; R rows (output channels) and n columns (weights) each.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat

BLOCK = 64
"""Columns per block: errors spread column by column inside it, by one matrix product beyond it."""
DAMPING = 0.01
"""The addition to the diagonal of H, as a share of its mean: inputs seen a few times only are not trusted fully."""


@cache
def _nearest_table(fmt: StlqFormat, words: int) -> NDArray[np.float64]:
    """At index floor(2 x) + 2 * weight_max: the integer weight of `words` words that is nearest to x; ties go up."""
    terms = [fmt.term(q) for q in fmt.codes]
    seconds = terms if words == 2 else [0]
    levels = np.array(sorted({(first << fmt.residual_shift) + second for first in terms for second in seconds}))
    twice = np.arange(-2 * fmt.weight_max, 2 * fmt.weight_max + 1)
    return levels[np.searchsorted(levels[:-1] + levels[1:], twice, side="right")].astype(np.float64)


def nearest(x: NDArray[Any], fmt: StlqFormat, words: int) -> NDArray[np.float64]:
    """The integer weights W of one word or two that are nearest to `x`; ties go up.

    >>> nearest(np.array([5.9, -3.0, 99.0]), StlqFormat(bits=3), 1).tolist()
    [8.0, -4.0, 32.0]
    >>> nearest(np.array([5.9, -3.0, 99.0]), StlqFormat(bits=3), 2).tolist()
    [6.0, -2.0, 40.0]
    """
    return _nearest_table(fmt, words)[_places(x, fmt)]


def rounded(x: NDArray[Any], two_word: NDArray[np.bool_], fmt: StlqFormat) -> NDArray[np.float64]:
    """The integer weights nearest to `x`: of two words where `two_word`, else of one."""
    places = _places(x, fmt)
    return np.where(two_word, _nearest_table(fmt, 2)[places], _nearest_table(fmt, 1)[places])


def _places(x: NDArray[Any], fmt: StlqFormat) -> NDArray[np.intp]:
    """Where :func:`_nearest_table` has what is nearest to `x`."""
    limit = 2.0 * fmt.weight_max
    doubled = np.floor(x + x)
    np.minimum(doubled, limit, out=doubled)
    np.maximum(doubled, -limit, out=doubled)
    doubled += limit
    return doubled.astype(np.intp)


@cache
def _word_table(fmt: StlqFormat) -> NDArray[np.int8]:
    """At index W + weight_max: both words of W, one word if that is enough (int8, (2 * weight_max + 1, 2))."""
    table = np.zeros((2 * fmt.weight_max + 1, 2), np.int8)
    pairs = [(first, second) for second in fmt.codes for first in fmt.codes if second] + [(q, 0) for q in fmt.codes]
    for first, second in pairs:
        table[fmt.weight(first, second) + fmt.weight_max] = first, second
    return table


def words_of(weights: NDArray[Any], fmt: StlqFormat) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """First and second words (int8) of integer weights; the second is 0 where one word is enough."""
    words = _word_table(fmt)[np.asarray(weights).astype(np.intp) + fmt.weight_max]
    return np.ascontiguousarray(words[..., 0]), np.ascontiguousarray(words[..., 1])


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How errors spread: H with damping (G, n, n), the `order` of its columns (G, n), most energy first, and in that
    order H (`ordered`) and the upper Cholesky factor of its inverse (`factor`), (G, n, n) each.
    """

    moments: NDArray[np.float64]
    order: NDArray[np.intp]
    ordered: NDArray[np.float64]
    factor: NDArray[np.float64]

    @classmethod
    def of(cls, moments: NDArray[np.float64]) -> "Spread":
        """From H (G, n, n), damped so that it has an inverse.

        Inputs that are always 0 count as if they were small and alone.
        """
        energy = np.diagonal(moments, axis1=1, axis2=2)
        mean = energy.mean(axis=1)
        damped = loaded(moments, DAMPING * np.where(mean > 0, mean, 1.0))
        order = np.argsort(-energy, axis=1, kind="stable")
        ordered = np.stack([one[own[:, None], own] for one, own in zip(damped, order, strict=True)])
        # A reversed Cholesky factor, inverted, is the upper factor of the inverse.
        upper = np.linalg.cholesky(ordered[:, ::-1, ::-1])[:, ::-1, ::-1]
        return cls(moments=damped, order=order, ordered=ordered, factor=inverse_of_upper(upper))

    @property
    def trust(self) -> NDArray[np.float64]:
        """The cost of a squared error of each column after the columns behind it have made up for it: (G, n)."""
        cost = np.diagonal(self.factor, axis1=1, axis2=2) ** -2.0
        return np.take_along_axis(cost, np.argsort(self.order, axis=1), 1)

    def arranged(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows (G, R, n) as columns in the order of compensation: (G, n, R)."""
        return np.ascontiguousarray(np.take_along_axis(rows, self.order[:, None, :], 2).transpose(0, 2, 1))

    def restored(self, columns: NDArray[Any]) -> NDArray[Any]:
        """The inverse of :meth:`arranged`."""
        back = np.argsort(self.order, axis=1)
        return np.ascontiguousarray(np.take_along_axis(columns, back[:, :, None], 1).transpose(0, 2, 1))


def loaded(moments: NDArray[np.float64], load: NDArray[np.float64]) -> NDArray[np.float64]:
    """`moments` (G, n, n) with `load` (G,) added to their diagonals."""
    made = moments.copy()
    np.einsum("gii->gi", made)[...] += load[:, None]
    return made


def inverse_of_upper(upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverses of upper triangular matrices (G, n, n): halves first, then what connects them.

    That takes a sixth of the multiplications of a general inverse.
    """
    size, half = upper.shape[1], upper.shape[1] // 2
    if size <= BLOCK:
        return np.linalg.inv(upper).astype(np.float64, copy=False)
    first, second = inverse_of_upper(upper[:, :half, :half]), inverse_of_upper(upper[:, half:, half:])
    made = np.zeros(upper.shape)
    made[:, :half, :half], made[:, half:, half:] = first, second
    made[:, :half, half:] = -first @ upper[:, :half, half:] @ second
    return made


@dataclass(frozen=True, kw_only=True)
class Compensated:
    """Integer `weights` (G, R, n) as float64; `loss` (G, R), squared output error; `gains` (G, R, n): how much of it a
    second word saves, or has saved, weight by weight.
    """

    weights: NDArray[np.float64]
    loss: NDArray[np.float64]
    gains: NDArray[np.float64]


def compensate(
    weight: NDArray[Any], unit: NDArray[Any], two_word: NDArray[np.bool_], spread: Spread, fmt: StlqFormat
) -> Compensated:
    """Round `weight` (G, R, n) to levels of `unit` (G, R) = U * 2^-(M+k), two words where `two_word` (G, R, n)."""
    # Columns are rows of `work`: what is done to one column stays together in memory.
    work, flags = spread.arranged(weight / unit[..., None]), spread.arranged(two_word)
    factor, size = spread.factor, work.shape[1]
    ones, twos = (_nearest_table(fmt, words) for words in (1, 2))
    made, gains, loss = np.empty_like(work), np.empty_like(work), np.zeros(unit.shape)
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        errors = np.empty((len(work), stop - start, work.shape[2]))
        for j in range(start, stop):
            x, own = work[:, j], 1 / factor[:, j, j, None]
            places = _places(x, fmt)
            one, two = ones[places], twos[places]
            made[:, j] = np.where(flags[:, j], two, one)
            error = (x - made[:, j]) * own
            gains[:, j] = np.square((x - one) * own) - np.square((x - two) * own)
            loss += np.square(error)
            errors[:, j - start] = error
            work[:, j + 1 : stop] -= factor[:, j, j + 1 : stop, None] * error[:, None]
        work[:, stop:] -= factor[:, start:stop, stop:].transpose(0, 2, 1) @ errors
    scale = np.square(unit)
    return Compensated(
        weights=spread.restored(made), loss=loss * scale, gains=spread.restored(gains) * scale[..., None]
    )


def polish(
    weight: NDArray[Any],
    unit: NDArray[Any],
    two_word: NDArray[np.bool_],
    start: NDArray[np.float64],
    spread: Spread,
    fmt: StlqFormat,
) -> NDArray[np.float64]:
    """Better integer weights than `start` (G, R, n): one pass in which each word moves to where its channel's error is
    least, all others as they are.  The error never grows.
    """
    target, flags, made = (spread.arranged(part) for part in (weight / unit[..., None], two_word, start))
    moments = spread.ordered
    pull = moments @ (target - made)
    for first in range(0, made.shape[1], BLOCK):
        block = slice(first, min(first + BLOCK, made.shape[1]))
        before = made[:, block].copy()
        for j in range(block.start, block.stop):
            x = made[:, j] + pull[:, j] / moments[:, j, j, None]
            better = rounded(x, flags[:, j], fmt)
            step = better - made[:, j]
            made[:, j] = better
            pull[:, block] -= moments[:, j, block, None] * step[:, None]
        pull[:, block.stop :] -= moments[:, block.stop :, block] @ (made[:, block] - before)
    return spread.restored(made)
