"""Lanes: every word with extreme activations, in every form that pipeline and choices give them, with stalls."""

from itertools import product
from typing import Any

import pytest
from amaranth import Module, Shape, Signal, Value

from hw.array import lane as lanes
from hw.array.decoder import act_shape
from hw.array.lane import CombinationalLane, Lane, RegisteredLane, SelectedLane, make_lane
from hw.array.product import Option
from hw.array.registers import Registers
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import FORMATS, IDS, dice, simulate
from verif.hw.faults import Fault

FORMS = [
    (0, 4, 0, CombinationalLane),
    (3, 1, 1, RegisteredLane),
    (3, 2, 1, SelectedLane),
    (3, 4, 0, RegisteredLane),
    (3, 4, 1, SelectedLane),
    (4, 1, 1, RegisteredLane),
    (4, 2, 1, SelectedLane),
    (4, 4, 1, SelectedLane),
]
LOST_PLACE = Fault(lanes, "shift", lambda right, value, by, step, **o: right(value, by & 0, step, **o))


def check(fmt: StlqFormat, pipeline: int, choices: int, index: int, kind: type[Lane]) -> None:
    """Lane `index` of a PE: that of index 0 is the first one of its chain."""
    config = ArrayConfig(format=fmt, lanes=2, pipeline=pipeline, choices=choices)
    m = Module()
    enable, word = Signal(), Signal(fmt.bits)
    acts = [Signal(act_shape(fmt.act_bits, fmt.act_signed)) for _ in range(2)]
    lane = make_lane(fmt, config, index)
    assert type(lane) is kind
    registers = Registers(m, enable)
    term = lane.product(registers, "0", lane.decode(registers, None, "0", word, acts))
    products = [Signal(Shape.cast(range(term.low, term.high + 2))) for _ in acts]
    m.d.comb += [one.eq(value + term.carry) for one, value in zip(products, term.values, strict=True)]
    m.d.sync += Signal().eq(0)  # so that there is a clock
    latency = config.schedule.decode_stages + config.schedule.registered(0)
    rng = dice((fmt, pipeline, choices))

    async def bench(ctx: Any) -> None:
        way = [[0, 0]] * latency
        ctx.set(enable, 1)
        await ctx.tick().repeat(latency + 1)  # the word 0
        for code, act in product(fmt.codes, (fmt.act_min, 1, fmt.act_max)):
            values = [act, rng.choice([fmt.act_min, fmt.act_max])]
            ctx.set(word, code)
            for signal, value in zip(acts, values, strict=True):
                ctx.set(signal, value)
            ctx.set(enable, 0)
            if latency:
                await ctx.tick()  # a stall
                assert [ctx.get(one) for one in products] == way[-1]
            way.insert(0, [fmt.term(code) * value for value in values])
            ctx.set(enable, 1)
            if latency:
                await ctx.tick()
                way.pop()
            assert [ctx.get(one) for one in products] == way[-1], (code, values)
            if not latency:
                way.pop()

    simulate(m, bench)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fmt", FORMATS, ids=IDS)
def test_the_product_of_word_and_activation(fmt: StlqFormat, form: tuple[int, int, int, type[Lane]]) -> None:
    check(fmt, *form)


@pytest.mark.parametrize("form", [form for form in FORMS if form[3] is not SelectedLane or form[1] == 2])
def test_a_lost_place_is_rejected(form: tuple[int, int, int, type[Lane]]) -> None:
    with LOST_PLACE.planted(), pytest.raises(AssertionError):
        check(StlqFormat(bits=3, act_bits=4), *form)


def test_a_lost_option_is_rejected() -> None:
    def lost(right: type, values: list[Value], places: int) -> Option:
        return right([value & (0 if places == 2 else -1) for value in values], places)

    with Fault(lanes, "Option", lost).planted(), pytest.raises(AssertionError):
        check(StlqFormat(bits=3, act_bits=4), 3, 4, 1, SelectedLane)
