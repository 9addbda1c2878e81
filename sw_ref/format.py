"""The number format: what a word stands for, and every width that follows from it.

A *word* is an N-bit two's complement code q that stands for zero or one signed power of two.  A
weight is one word, or two (the second one finer by ``residual_shift`` binary places).

Parameters are declared once, as dataclass fields made by :func:`parameter`: range, unit and help live
in the field's metadata, from which the command line builds its options and :func:`validate` its checks.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The allowed values of one field: some integers, in ascending order, or (None) a flag."""

    values: Sequence[int] | None
    unit: str
    help: str

    @property
    def allowed(self) -> str:
        """The allowed values in words, for help texts and error messages."""
        if self.values is None:
            return "true or false"
        return f"a whole number from {self.span}" if isinstance(self.values, range) else self.span

    @property
    def span(self) -> str:
        """The allowed integers in a few words."""
        if self.values is None:
            raise ValueError("a flag has no span")
        if isinstance(self.values, range):
            return f"{self.values[0]} to {self.values[-1]}"
        *others, last = self.values
        return f"{', '.join(map(str, others))} or {last}"

    def accepts(self, value: object) -> bool:
        """Whether `value` has the right type (``bool`` is no integer here) and is in range."""
        if self.values is None:
            return isinstance(value, bool)
        return isinstance(value, int) and not isinstance(value, bool) and value in self.values


def parameter(
    default: Any, *, help: str, low: int = 0, high: int | None = None, only: Sequence[int] | None = None, unit: str = ""
) -> Any:
    """A dataclass field that carries its :class:`Parameter`: integers from `low` to `high`, `only` some, or a flag."""
    values = only if high is None else range(low, high + 1)
    return field(default=default, metadata={"parameter": Parameter(values=values, unit=unit, help=help)})


def parameters_of(cls: type) -> dict[str, Parameter]:
    """The parameters of a dataclass by field name, in order of declaration."""
    return {f.name: f.metadata["parameter"] for f in fields(cls) if "parameter" in f.metadata}


def validate(instance: Any) -> None:
    """Check every parameter of a dataclass instance.

    Raises
    ------
    ValueError
        Naming the parameter, its value, and what is allowed.
    """
    for name, rule in parameters_of(type(instance)).items():
        value = getattr(instance, name)
        if not rule.accepts(value):
            raise ValueError(f"{name} is {value!r}; allowed: {rule.allowed}")


class Format:
    """The facts about numbers that every array needs, whatever the kind of its weights.

    Each has `bits`, too: the width of what one weight has in a `tiles` beat. `weight_max` is the largest magnitude of
    a weight.
    """

    act_bits: int
    act_signed: bool
    residual_beats: ClassVar[bool]  # a tile's weights may go on in a second beat

    @property
    def weight_max(self) -> int:
        raise NotImplementedError

    @property
    def act_min(self) -> int:
        return -(1 << (self.act_bits - 1)) if self.act_signed else 0

    @property
    def act_max(self) -> int:
        return (1 << (self.act_bits - self.act_signed)) - 1

    def acc_bits(self, depth: int) -> int:
        """Smallest signed width that holds every dot product of up to `depth` inputs.

        The extremes are +-depth * weight_max * max|a|, for weights that are symmetric.
        """
        extreme = depth * self.weight_max * max(self.act_max, -self.act_min)
        return extreme.bit_length() + 1


@dataclass(frozen=True, kw_only=True)
class StlqFormat(Format):
    """Format of weights and activations; all derived widths and ranges are properties.

    Raises ``ValueError`` with the parameter's name, value and allowed range when made with a bad one.

    >>> fmt = StlqFormat(bits=3)
    >>> [fmt.term(q) for q in fmt.codes]
    [-1, -2, -4, -8, 0, 8, 4, 2]
    >>> fmt.weight(1, -4)
    31
    """

    bits: int = parameter(3, low=2, high=5, unit="bits", help="width of a weight word")
    act_bits: int = parameter(8, low=2, high=16, unit="bits", help="width of an activation")
    act_signed: bool = parameter(True, help="activations are signed (two's complement)")
    residual_shift: int = parameter(
        2, low=0, high=4, unit="bits", help="how much finer the second word is than the first"
    )

    residual_beats: ClassVar[bool] = True

    def __post_init__(self) -> None:
        validate(self)

    @property
    def levels(self) -> int:
        """M = 2^(N-1): magnitudes per sign; codes run from -M to M-1."""
        return 1 << (self.bits - 1)

    @property
    def unit_shift(self) -> int:
        """M + k: a scale U is 2^(M+k) units of an integer weight."""
        return self.levels + self.residual_shift

    @property
    def codes(self) -> range:
        """All codes, lowest first."""
        return range(-self.levels, self.levels)

    @property
    def term_max(self) -> int:
        """Largest magnitude of a term: 2^(M-1)."""
        return 1 << (self.levels - 1)

    @property
    def weight_max(self) -> int:
        """Largest magnitude of a (two-word) integer weight W."""
        return (self.term_max << self.residual_shift) + self.term_max

    def term(self, code: int) -> int:
        """The integer that a word stands for: 0, or sign(q) * 2^(M-|q|).

        Raises ``ValueError`` for a code outside -M..M-1.
        """
        if code not in self.codes:
            raise ValueError(f"code is {code!r}; allowed: a whole number from {-self.levels} to {self.levels - 1}")
        if code == 0:
            return 0
        magnitude = 1 << (self.levels - abs(code))
        return magnitude if code > 0 else -magnitude

    def weight(self, word1: int, word2: int = 0) -> int:
        """The integer weight W = term(q1) * 2^k + term(q2); the real weight is U * W * 2^-(M+k)."""
        return (self.term(word1) << self.residual_shift) + self.term(word2)

    def to_dict(self) -> dict[str, Any]:
        """The parameters by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "StlqFormat":
        """The inverse of :meth:`to_dict`.

        Raises ``ValueError`` if `values` is no dictionary, or a name is unknown, missing or out of range.
        """
        names = set(parameters_of(cls))
        if not isinstance(values, dict) or set(values) != names:
            found = sorted(map(str, values)) if isinstance(values, dict) else values
            raise ValueError(f"format has {found!r}; allowed: exactly {sorted(names)}")
        return cls(**values)
