"""The interface of every operator: validated options, the shape that it makes, and what it computes on codes.

The options of an operator are the fields of its dataclass, by the same names in the network file.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import parameters_of, validate

Shape = tuple[int, int, int]
Range = tuple[NDArray[np.int64], NDArray[np.int64]]
SIZE_MAX = 1 << 16  # channels, rows or columns of a tensor
CODES_MAX = 1 << 26  # codes of one tensor, and of what an operator reads of it with its padding
OPTION_MAX = 4095  # strides, paddings, dilations, kernels


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The allowed values of a field that holds `count` whole numbers (None: any number of them)."""

    count: int | None
    low: int
    high: int

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return f"{'' if self.count is None else f'{self.count} '}whole numbers from {self.low} to {self.high}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is a tuple of such numbers."""
        if not isinstance(value, tuple) or (len(value) != self.count if self.count is not None else not value):
            return False
        return all(type(number) is int and self.low <= number <= self.high for number in value)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The allowed values of a field that holds one of a few names."""

    names: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return ", ".join(map(repr, self.names))

    def accepts(self, value: object) -> bool:
        """Whether `value` is one of the names."""
        return isinstance(value, str) and value in self.names


def numbers(default: Any = None, *, count: int | None, low: int = 0, high: int = OPTION_MAX) -> Any:
    """A dataclass field of `count` whole numbers, with its rule; without a default it must be given."""
    metadata = {"parameter": Numbers(count=count, low=low, high=high)}
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


def choice(*names: str) -> Any:
    """A dataclass field that holds one of `names`, the first by default."""
    return field(default=names[0], metadata={"parameter": Choice(names=names)})


@dataclass(frozen=True, kw_only=True)
class Operator:
    """The options of a node.  Raises ``ValueError`` for one out of range."""

    op: ClassVar[str]  # its name in files
    arity: ClassVar[tuple[int, int | None]] = (1, 1)  # fewest and most inputs
    weight_axes: ClassVar[tuple[int, ...]] = ()  # numbers of axes that its weights may have; none: no weights

    def __post_init__(self) -> None:
        validate(self)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        """The output's (C, H, W) from those of the inputs and of the weights; ``ValueError`` if they do not fit."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The options by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Operator":
        """The inverse of :meth:`to_dict`.  Raises ``ValueError`` for an option unknown, missing or out of range."""
        names = sorted(parameters_of(cls))
        if sorted(values) != names:
            raise ValueError(f"options are {sorted(values)}; allowed: exactly {names}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


@dataclass(frozen=True, kw_only=True)
class Arithmetic(Operator):
    """An operator that makes sums, which a requantizer turns into codes."""

    def sums(self, acts: NDArray[Any], weights: NDArray[np.int32], zero: int) -> NDArray[Any]:
        """S for the first input's codes (n, C, H, W): exact integers of the output's shape, in any numeric type.

        `weights`: the node's integers (empty where the operator has none); `zero`: the first input's zero point.
        """
        raise NotImplementedError

    def sum_range(self, shape: Shape, weights: NDArray[np.int32], act_max: int) -> Range:
        """The least and the greatest S of each output channel, over all codes from 0 to `act_max`."""
        raise NotImplementedError

    def row_count(self, shape: Shape) -> int | None:
        """How many rows of multipliers and shifts there are; None: no rows, the same for all positions."""
        return None

    def rows(self, shape: Shape) -> NDArray[np.intp] | None:
        """The row that each position takes, (H, W) of the output; None: there are no rows."""
        return None


@dataclass(frozen=True, kw_only=True)
class Movement(Operator):
    """An operator that moves codes, unchanged: its tensors share step and zero point."""

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        """The output's codes from those of the inputs, each (n, C, H, W)."""
        raise NotImplementedError


def shape_of(acts: NDArray[Any]) -> Shape:
    """(C, H, W) of a batch (n, C, H, W)."""
    _, channels, rows, columns = acts.shape
    return channels, rows, columns


def check_size(channels: int, rows: int, columns: int) -> None:
    """Raise ``ValueError`` if an operator would read too many codes."""
    if channels * rows * columns > CODES_MAX:
        raise ValueError(f"reads {channels} x {rows} x {columns} codes with padding; allowed: at most {CODES_MAX}")
