"""The space that is searched: the parameters of a network in integers and of the engine that runs it."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import gcd
from typing import Any

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW
from rtl_gen.compile import SIZES
from rtl_gen.errors import UsageError
from rtl_gen.generate import option_wording
from rtl_gen.options import number, whole_number
from rtl_gen.presets import OPTIMIZE, preset
from rtl_gen.targets import Target
from sw_ref.format import StlqFormat, parameters_of
from sw_ref.tiling import Selection

BUDGETS = ("layer", "network")


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The values of a parameter that are tried, in ascending order, if the user gives no others.

    `words`: what each is called, if that is no number.  `where`: which networks it is tried for, if not for all.
    """

    values: tuple[Any, ...]
    help: str
    words: tuple[str, ...] = ()
    where: str = ""

    def parse(self, text: str) -> tuple[Any, ...]:
        """An option's values, with commas between them: each once, in ascending order."""
        read = number if isinstance(self.values[0], float) else whole_number
        parts = text.split(",")
        if self.words and (wrong := sorted(set(parts) - set(self.words))):
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is unknown; allowed: {', '.join(self.words)}")
        named = dict(zip(self.words, self.values, strict=False))
        return tuple(sorted({named[part] if self.words else read(part) for part in parts}))

    def text(self, values: Sequence[Any]) -> str:
        """The inverse: values as an option takes them."""
        names = dict(zip(self.values, self.words, strict=False))
        return ",".join(str(names.get(value, value)) for value in values)


def domain(*values: Any, help: str, **more: Any) -> Any:
    """A field that carries its :class:`Domain`; one that is not tried for all networks has its first value else."""
    default = {"default": values[0]} if "where" in more else {}
    return field(**default, metadata={"domain": Domain(values=values, help=help, **more)})


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A point of the space.  Raises ``ValueError`` with name, value and allowed range of a bad parameter."""

    side: int = domain(2, 4, 8, 16, help="PEs and lanes of the array, of which an engine has equally many")
    bits: int = domain(2, 3, 4, 5, help="bits of a word")
    act_bits: int = domain(4, 5, 6, 7, 8, help="bits of a code")
    ratio: float = domain(0.0, 0.05, 0.15, 0.3, 0.5, 1.0, help="share R of tiles with two words")
    budget: str = domain(*BUDGETS, help="R in each layer, or its cycles where they save most", words=BUDGETS)
    requant_lanes: int = domain(1, 2, 4, 8, help="requantizer lanes, or the most that divide the PEs")
    memory_ports: int = domain(1, 2, help="ports of the activation memory")
    optimize: str = domain(*OPTIMIZE, help="smallest or fastest array", words=OPTIMIZE)
    depthwise: bool = domain(
        *(False, True),
        help="a window before the array, for 3 x 3 depthwise layers",
        words=("no", "yes"),
        where="where the network has such, else no",
    )

    def __post_init__(self) -> None:
        Selection(ratio=self.ratio)
        object.__setattr__(self, "requant_lanes", gcd(self.requant_lanes, self.side))
        if self.ratio in (0, 1):
            object.__setattr__(self, "budget", BUDGETS[0])
        object.__setattr__(self, "depthwise", self.depthwise and self.side >= WINDOW)

    def format(self, residual_shift: int) -> StlqFormat:
        """The number format of the network in integers."""
        return StlqFormat(bits=self.bits, act_bits=self.act_bits, act_signed=False, residual_shift=residual_shift)

    def engine(self, target: Target, *, residual_shift: int, bus_bits: int, tables: bool) -> EngineConfig:
        """The engine, whose memories are as large as they get."""
        array: dict[str, Any] = {"pe": self.side, "lanes": self.side, **preset(target.array_for, self.optimize)}
        engine: dict[str, Any] = {"requant_lanes": self.requant_lanes, "memory_ports": self.memory_ports, **SIZES}
        made = ArrayConfig(format=self.format(residual_shift), **array)
        return EngineConfig(array=made, bus_bits=bus_bits, tables=tables, depthwise=self.depthwise, **engine)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Space:
    """The values of each parameter that are tried."""

    values: Mapping[str, Sequence[Any]]

    def choice(self, places: Mapping[str, int]) -> Choice:
        """The point with these places in the list of each parameter's values."""
        return Choice(**{name: values[places[name]] for name, values in self.values.items()})

    def with_all(self, name: str) -> "Space":
        """With all values of a parameter that is not tried for all networks."""
        return Space(values={**self.values, name: domains()[name].values})

    def ratios(self, choice: Choice) -> list[Choice]:
        """The point with each share R of two-word tiles."""
        return [replace(choice, ratio=ratio) for ratio in self.values["ratio"]]

    def places(self, choice: Choice) -> dict[str, int]:
        """The inverse: of a parameter that has another value here, the place of the nearest below."""
        return {name: _place(list(values), getattr(choice, name)) for name, values in self.values.items()}


def _place(values: list[Any], value: Any) -> int:
    return values.index(value) if value in values else max([i for i, v in enumerate(values) if v < value], default=0)


def add_space_options(parser: argparse.ArgumentParser) -> None:
    """An option for the values of each parameter."""
    group = parser.add_argument_group("space, values with commas between them")
    for name, known in domains().items():
        shown = f"{known.text(known.values)} {known.where}".rstrip()
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, type=known.parse, metavar="V,..", help=f"{known.help} (default: {shown})")


def space_of(args: argparse.Namespace) -> Space:
    """The space of the options.  Raises :class:`UsageError` for a value that no engine takes."""
    given = {
        name: getattr(args, name) or known.values
        for name, known in domains().items()
        if getattr(args, name) or not known.where
    }
    space = Space(values=given)
    first = {name: values[0] for name, values in given.items()}
    for name, values in given.items():
        for value in values:
            try:
                _check(name, value)
                Choice(**{**first, name: value})
            except ValueError as error:
                raise UsageError(option_wording(str(error))) from error
    return space


SIDES = tuple(1 << exponent for exponent in range(7))
"""PEs and lanes whose engine counts the requantizer's steps without a multiplier."""


def _check(name: str, value: Any) -> None:
    """Raise ``ValueError`` for a value that the parameter of the same name does not take."""
    if name == "side" and value not in SIDES:
        raise ValueError(f"side is {value!r}; allowed: {', '.join(map(str, SIDES))}")
    for cls in (StlqFormat, ArrayConfig, EngineConfig):
        rule = parameters_of(cls).get(name)
        if rule is not None and not rule.accepts(value):
            raise ValueError(f"{name} is {value!r}; allowed: {rule.allowed}")


def domains() -> dict[str, Domain]:
    """The domain of each parameter."""
    return {f.name: f.metadata["domain"] for f in fields(Choice)}
