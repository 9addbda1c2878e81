"""Components as Verilog modules: one for each kind, whatever instantiates it."""

import pytest

from hw.array.array import Array
from hw.array.decoder import Decoder
from hw.component import Modules
from hw.config import ArrayConfig
from hw.verilog import verilog
from sw_ref.format import StlqFormat

SMALL = ArrayConfig(pe=4, lanes=4, depth=64)


def test_every_kind_is_one_module() -> None:
    modules = Modules()
    modules.add(Array, SMALL)
    text = verilog(modules)
    names = [component.module.removeprefix("stlq_array") for component in modules]
    assert sorted(names) == ["", "_accumulator", "_alignment", "_control", "_decoder", "_operand", "_pe"]
    assert [text.count(f"\nmodule stlq_array{name}(") for name in names] == [1] * len(names)


def test_two_kinds_of_one_name_are_refused() -> None:
    modules = Modules()
    modules.add(Decoder, StlqFormat(bits=3), 1, "same")
    modules.add(Decoder, StlqFormat(bits=4), 1, "same")
    with pytest.raises(ValueError, match=r"^2 different components are named same_decoder; allowed: one$"):
        verilog(modules)
