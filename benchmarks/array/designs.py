"""The arrays that are compared: STLQ's own, and each baseline in each of its forms."""

from dataclasses import dataclass
from typing import Any

from hw.baseline.config import BaselineConfig
from hw.baseline.forms import operand_forms
from hw.config import ArrayConfig, BaseArrayConfig
from hw.verilog import array_verilog
from sw_ref.baseline import AnyBaseline, ApotFormat, IntegerFormat, TwoWordFormat
from sw_ref.format import StlqFormat

STLQ_FORM = "default"
BUFFERED = "buffered"  # the array's fastest pipeline
RATIOS = (0.0, 0.05, 0.15, 0.5, 1.0)
# Passes before synthesis. Baselines are flattened, so their PEs may share equal logic. Before `booth`, multiplications
# are cut to their operands' widths.
FLAT = "setattr -mod -unset keep_hierarchy; flatten; opt_clean"
BOOTH = f"{FLAT}; wreduce; opt_clean; booth; opt_clean"


@dataclass(frozen=True)
class Design:
    """An array to measure.  `form` names its operand part; `prepare` are Yosys's passes before synthesis."""

    kind: str
    form: str
    config: BaseArrayConfig
    prepare: str = ""

    @property
    def label(self) -> str:
        config = self.config
        return f"{config.size} of {self.kind} {self.form}, {config.format.act_bits}-bit activations"

    def verilog(self) -> str:
        if not isinstance(self.config, BaselineConfig):
            return array_verilog(self.config)
        return array_verilog(self.config, operand_forms(self.config.format)[self.form.removesuffix(" booth")])

    def cycles(self, ratio: float) -> float:
        """Beats of a tile on average, when a share `ratio` of the tiles has two words."""
        return 1 + ratio if self.config.format.residual_beats else 1.0


def stlq(bits: int = 3, act_bits: int = 8, **values: Any) -> Design:
    """The project's own array; the rest is the generator's defaults."""
    config = ArrayConfig(format=StlqFormat(bits=bits, act_bits=act_bits), **values)
    return Design(f"stlq{bits}", BUFFERED if config.buffered else STLQ_FORM, config)


def baseline(kind: str, act_bits: int = 8, **values: Any) -> list[Design]:
    """A baseline (``int2`` to ``int8``, ``apot3``, ``apot4``, ``two2`` to ``two5``) in all its forms."""
    name, bits = kind[:-1], int(kind[-1])
    fmt: AnyBaseline = {
        "int": lambda: IntegerFormat(bits=bits, act_bits=act_bits),
        "apot": lambda: ApotFormat(bits=bits, act_bits=act_bits),
        "two": lambda: TwoWordFormat(word_bits=bits, act_bits=act_bits),
    }[name]()
    config = BaselineConfig(format=fmt, **values)
    designs = [Design(kind, form, config, FLAT) for form in operand_forms(fmt)]
    if name == "int":
        designs.insert(1, Design(kind, "product booth", config, BOOTH))
    return designs


def forms(kind: str) -> tuple[str, ...]:
    """The names of all forms of a baseline."""
    return tuple(design.form for design in baseline(kind))
