"""Number formats that the array is compared with: each weight is one code, and takes one beat.

Each says by :meth:`weight` which integer a code stands for; golden sums follow from that alone.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sw_ref.format import Format, StlqFormat, parameter, validate


@dataclass(frozen=True, kw_only=True)
class BaselineFormat(Format):
    """A format without residual beats."""

    act_bits: int = parameter(8, low=2, high=16, unit="bits", help="width of an activation")
    act_signed: bool = parameter(True, help="activations are signed (two's complement)")
    residual_beats: ClassVar[bool] = False

    def __post_init__(self) -> None:
        validate(self)

    @property
    def codes(self) -> range:
        """All codes of a weight, as unsigned fields."""
        return range(1 << cast(Any, self).bits)

    @property
    def weight_max(self) -> int:
        return max(abs(self.weight(code)) for code in self.codes)

    def weight(self, code: int) -> int:
        """The integer weight of a code."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class IntegerFormat(BaselineFormat):
    """Two's complement.

    >>> [IntegerFormat(bits=3).weight(code) for code in range(8)]
    [0, 1, 2, 3, -4, -3, -2, -1]
    """

    bits: int = parameter(4, low=2, high=8, unit="bits", help="width of a weight")

    def weight(self, code: int) -> int:
        half = 1 << (self.bits - 1)
        return (code ^ half) - half


@dataclass(frozen=True, kw_only=True)
class ApotFormat(BaselineFormat):
    """Additive powers of two (Li et al., ICLR 2020), scaled to integers: a sign over a sum of one term of each set.

    With 3 bits the sets are {0, 1/2, 1/4, 1/8}; with 4 bits {0, 1/2, 1/4, 1/16} and {0, 1/8}. The code holds, from
    bit 0 up, the index of a term of the first set (2 bits), that of the second set (1 bit, if there is one), the sign.

    >>> [ApotFormat(bits=4).weight(code) for code in range(8)]
    [0, 1, 4, 8, 2, 3, 6, 10]
    >>> ApotFormat(bits=3).weight(7)
    -4
    """

    bits: int = parameter(4, low=3, high=4, unit="bits", help="width of a weight")

    @property
    def places(self) -> tuple[int, int, int]:
        """The binary places of the first set's terms, for the indices 1, 2 and 3."""
        return (0, 1, 2) if self.bits == 3 else (0, 2, 3)

    def weight(self, code: int) -> int:
        index, second = code & 3, code >> 2 & 1 if self.bits == 4 else 0
        magnitude = (1 << self.places[index - 1] if index else 0) + 2 * second
        return -magnitude if code >> (self.bits - 1) else magnitude


@dataclass(frozen=True, kw_only=True)
class TwoWordFormat(BaselineFormat):
    """Two STLQ words of every weight, both in one beat: the first word in the low half of the code.

    >>> TwoWordFormat(word_bits=3).weight(0b100_001), StlqFormat(bits=3).weight(1, -4)
    (31, 31)
    """

    word_bits: int = parameter(3, low=2, high=5, unit="bits", help="width of a word")
    residual_shift: int = parameter(
        2, low=0, high=4, unit="bits", help="how much finer the second word is than the first"
    )

    @property
    def bits(self) -> int:
        return 2 * self.word_bits

    @property
    def word(self) -> StlqFormat:
        """The format of either word."""
        return StlqFormat(
            bits=self.word_bits,
            act_bits=self.act_bits,
            act_signed=self.act_signed,
            residual_shift=self.residual_shift,
        )

    def weight(self, code: int) -> int:
        half = 1 << (self.word_bits - 1)
        first, second = ((field ^ half) - half for field in (code & (2 * half - 1), code >> self.word_bits))
        return self.word.weight(first, second)


AnyBaseline = IntegerFormat | ApotFormat | TwoWordFormat
