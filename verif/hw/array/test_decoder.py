"""The decoder: every word, with extreme activations, of formats at both ends of their ranges."""

from itertools import product
from typing import Any

import pytest

from hw.array.decoder import Decoder, last_step
from sw_ref.format import StlqFormat
from verif.hw.array.bench import FORMATS, IDS, simulate
from verif.hw.faults import driven

FAULTS = {
    "zero": driven(Decoder, "zero", lambda was, at: 0),
    "sign": driven(Decoder, "negative", lambda was, at: ~was),
    "shift": driven(Decoder, "shifted", lambda was, at: was << 1),
    "select": driven(Decoder, "amount", lambda was, at: ~was),
}


def check(fmt: StlqFormat) -> None:
    decoder = Decoder(fmt, 2, "any")
    acts = sorted({fmt.act_min, fmt.act_min + 1, 0, 1, fmt.act_max})

    async def bench(ctx: Any) -> None:
        for code, act in product(fmt.codes, acts):
            ctx.set(decoder.word, code)
            for pixel, value in enumerate((act, fmt.act_max)):
                ctx.set(decoder.acts[pixel], value)
            for pixel, value in enumerate((act, fmt.act_max)):
                found = ctx.get(decoder.shifted[pixel]) << last_step(fmt) * ctx.get(decoder.select)
                found = 0 if ctx.get(decoder.zero) else -found if ctx.get(decoder.negative) else found
                assert found == fmt.term(code) * value, (code, act, pixel)
            assert code or not (ctx.get(decoder.negative) or ctx.get(decoder.select))

    simulate(decoder, bench)


@pytest.mark.parametrize("fmt", FORMATS, ids=IDS)
def test_a_word_is_its_term(fmt: StlqFormat) -> None:
    check(fmt)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(StlqFormat(bits=3, act_bits=4))
