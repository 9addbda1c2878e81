"""What a user chooses when a model is prepared: :class:`Choices`."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real

from sw_ref.format import StlqFormat
from sw_ref.tiling import Selection, check_granularity, check_tile
from sw_ref.train.activations import KINDS
from sw_ref.train.methods import Method, find_method


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How a model is to be quantized.

    `method`: a name of :data:`METHODS`, or a method of your own.  `fmt`: bits of weights and activations; its
    `act_signed` is found per layer, unsigned where no input is negative.  `ratio`: share of two-word tiles, or of the
    cycles that it stands for.  `tile`: (pe, lanes) of the array.  `granularity`: the weights that share one decision.
    `activations`: "lsq" (learned step), "pact" (learned clip) or None (float).  `lambda_v`: weight of the penalty on v.
    `skip`: names of modules to leave in float, with all inside them.  `integers`: refuse a model that no network in
    integers can be made of now, before it is trained; without it the export holds single layers of such a model.

    Where the method has a ratio, a granularity or a residual shift of its own, that one takes the place of yours.
    Raises ``ValueError`` with what is wrong, its value and what is allowed.
    """

    method: str | Method
    fmt: StlqFormat
    ratio: float
    tile: tuple[int, int] = (16, 16)
    granularity: str = "tile"
    activations: str | None = "lsq"
    lambda_v: float = 1e-4
    skip: Collection[str] = ()
    integers: bool = False

    def __post_init__(self) -> None:
        Selection(ratio=self.ratio)
        check_tile(self.tile)
        check_granularity(self.granularity)
        if self.activations is not None and self.activations not in KINDS:
            raise ValueError(f"activations is {self.activations!r}; allowed: {', '.join(KINDS)}, None")
        if not isinstance(self.lambda_v, Real) or not 0 <= self.lambda_v < math.inf:
            raise ValueError(f"lambda_v is {self.lambda_v!r}; allowed: a finite number, 0 or more")
        if not isinstance(self.fmt, StlqFormat):
            raise ValueError(f"fmt is {self.fmt!r}; allowed: a StlqFormat")
        # A string is a collection, too, but of letters.
        if isinstance(self.skip, str) or not isinstance(self.skip, Collection):
            raise ValueError(f"skip is {self.skip!r}; allowed: a list of names")
        own = find_method(self.method)
        if self.integers and (not own.exports or self.activations is None):
            raise ValueError(f"integers is True; allowed for a method that exports words, and activations {KINDS}")
        for name, value in (("fmt", own.format(self.fmt)), ("ratio", own.ratio), ("granularity", own.granularity)):
            if value is not None:
                object.__setattr__(self, name, value)

    @property
    def chosen(self) -> Method:
        """The method itself."""
        return find_method(self.method)
