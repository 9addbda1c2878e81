"""Broken designs: an array with a fault, each with the in-simulator test that must reject it."""

from dataclasses import dataclass, replace
from typing import Any

from amaranth import Cat, Const, Mux, ResetSignal, Value

from hw.array import accumulator, control, decoder, lane, operand
from hw.array.accumulator import Accumulator
from hw.array.alignment import Alignment
from hw.array.array import Array
from hw.array.control import Control
from hw.array.decoder import Decoder
from hw.array.operand import Operand
from hw.array.ping_pong import PingPong
from hw.array.ping_pong_accumulator import PingPongAccumulator
from hw.array.registers import Registers
from verif.hw.faults import Fault, driven, edited, surviving, unknown
from verif.hw.inside import Inside


@dataclass(frozen=True)
class Mutant:
    """A design with a fault.

    `test` must fail with a message that begins with `complaint`; `simulator`: the only one that shows the fault, if
    there is one.
    """

    fault: Fault
    test: str
    complaint: str = "mismatch"
    config: str = "odd_3x5"
    simulator: str | None = None


RANDOM, RESET = "random_tiles_random_flags", "reset_in_the_middle"
STALLS, WAIT = "stalls_lose_repeat_and_reorder_nothing", "sums_wait_until_taken"
CYCLES, DEPTH = "cycles_are_beats_plus_latency", "extremes_at_full_depth"
RULE = "stream rule"
BUFFERED, PIXELS = "buffered_3x5", "two_pixels"


def _always_cleared(right: Any, registers: Registers, name: str, condition: Value) -> Value:
    """A register that is cleared in a stall too."""
    return right(Registers(registers.m, 1) if name == "clear3_2" else registers, name, condition)


def _flag_of_second_beat(inside: Inside) -> None:
    flag = inside.tiles__payload[-2]
    inside.drive("tile_done", lambda was: ~inside.two_word)
    inside.drive("two_word_next", lambda was: Mux(inside.accept_tile, flag, inside.two_word))


def _beat_lost(right: Any, *args: Any) -> list[Any]:
    """In a stall the last beat on its way is lost: one of first words, as it begins a dot product."""
    *others, last = right(*args)
    return [*others, Cat(last.valid & ~last.first_word, last.first_word, last.ends)]


def _added_while_it_waits(inside: Inside) -> None:
    """What adds does not look at whether the pipeline moves, and so what ends does not either."""
    turn, last = inside.turn ^ inside.switch, Mux(inside.enable, inside.ends, inside.last)
    inside.drive("add", lambda was: Cat(~turn, turn))
    inside.drive("ended", lambda was: Mux(inside.reset, 0, last.replicate(2) & Cat(~turn, turn)))


def _words(value: Value, count: int) -> list[Value]:
    """A value in `count` equal parts."""
    return [value.word_select(index, len(value) // count) for index in range(count)]


def _exchanged(value: Value, count: int) -> Value:
    """A value of `count` parts, of which the first two are exchanged."""
    first, second, *others = _words(value, count)
    return Cat(second, first, *others)


ARITHMETIC = {
    "residual shift on the wrong word": Mutant(driven(Accumulator, "beat", lambda was, at: was ^ 0b010), RANDOM),
    "no residual shift": Mutant(driven(Accumulator, "beat", lambda was, at: was & 0b101), RANDOM),
    "gap of the residual shift not filled": Mutant(
        Fault(accumulator, "scaled", lambda right, value, carry, *rest: right(value, Const(0, 1), *rest)), RANDOM
    ),
    "one place too few": Mutant(
        Fault(lane, "shift", lambda right, value, by, step, **o: right(value, Cat(0, by[1:])[: len(by)], step, **o)),
        RANDOM,
    ),
    "two places too many": Mutant(
        Fault(lane, "shift", lambda right, value, by, step, **o: right(value, Cat(by[:-1], 1)[: len(by)], step, **o)),
        RANDOM,
    ),
    "not cleared where another option is selected": Mutant(driven(Operand, "clear3_2", lambda was, at: 0), RANDOM),
    "cleared while it should stay": Mutant(Fault(Registers, "clear", _always_cleared), STALLS),
    "top shift of a 5-bit word lost": Mutant(
        Fault(lane, "shift", lambda right, value, by, step, **o: right(value, Cat(by[:-1], 0)[: len(by)], step, **o)),
        DEPTH,
        config="widest_word",
    ),
    "wrong sign": Mutant(driven(Decoder, "negative", lambda was, at: at.word[1]), RANDOM),
    "sign of one lane lost": Mutant(driven(Operand, "negative3", lambda was, at: 0), RANDOM),
    "carry of one lane lost": Mutant(driven(Operand, "product2_carry", lambda was, at: 0), RANDOM),
    "no carry with the ones' complement": Mutant(driven(Operand, "partial0_0_carry", lambda was, at: 0), RANDOM),
    "carry of nothing accumulated": Mutant(
        Fault(accumulator, "add", lambda right, *terms, counted, **o: right(*terms, counted=Const(1, 1), **o)), STALLS
    ),
    "zero word counts": Mutant(driven(Decoder, "zero", lambda was, at: 0), RANDOM),
    "unsigned activations sign-extended": Mutant(
        Fault(decoder, "shift", lambda right, value, *rest: right(value.as_signed(), *rest)), RANDOM, config="odd_7x9"
    ),
    "sum one bit short": Mutant(driven(Accumulator, "sums", lambda was, at: was[:-1].as_signed()), DEPTH),
    "lanes exchanged": Mutant(
        Fault(operand, "acts_of_lane", lambda right, acts, config, index: right(acts, config, max(index - 1, 0))),
        RANDOM,
    ),
    "sums of pixels exchanged": Mutant(
        driven(Accumulator, "sums", lambda was, at: _exchanged(was, 2)), RANDOM, config=PIXELS
    ),
    "one pixel not accumulated": Mutant(
        driven(Accumulator, "accumulator_x1", lambda was, at: Mux(at.finish, 0, at.accumulator)), RANDOM, config=PIXELS
    ),
    "sign of another lane in one pixel": Mutant(
        driven(Operand, "product0_x1", lambda was, at: ~was), RANDOM, config=PIXELS
    ),
    "pixels exchanged": Mutant(
        Fault(operand, "acts_of_lane", lambda right, *args: right(*args)[::-1]), RANDOM, config=PIXELS
    ),
    "sums exchanged": Mutant(driven(Array, "sums__payload", lambda was, at: _exchanged(was, 3)), RANDOM),
}

WORDS_AND_FLAGS = {
    "second word dropped": Mutant(driven(Accumulator, "beat", lambda was, at: Cat(was[0] & was[1], was[1:])), RANDOM),
    "second word dropped, its flag ignored": Mutant(driven(Alignment, "two_word_next", lambda was, at: 0), RANDOM),
    # The flags of a second beat are unknown where there is X: then what is made of them is, too.
    "two_word read from the second beat": Mutant(
        edited(Alignment, _flag_of_second_beat), RANDOM, complaint=f"{RULE}: acts: ready is X", simulator="icarus"
    ),
    "last read from the second beat": Mutant(
        driven(Alignment, "last_next", lambda was, at: Mux(at.tiles__ready, at.tiles__payload[-1], at.last)),
        RANDOM,
        complaint=f"{RULE}: sums: valid is X",
        simulator="icarus",
    ),
    "activations let go after one word": Mutant(
        driven(Alignment, "acts_full_next", lambda was, at: at.accept_acts | (at.acts_full & ~at.issue)), RANDOM
    ),
}

PING_PONG = {
    "operand added again while it waits": Mutant(edited(PingPong, _added_while_it_waits), STALLS, RULE),
    "operand added to both": Mutant(driven(PingPong, "add", lambda was, at: Cat(was.any(), was[1])), RANDOM),
    "accumulator not cleared for its next turn": Mutant(
        driven(PingPongAccumulator, "accumulator1", lambda was, at: Mux(at.ping_pong.move[1], at.accumulator1, was)),
        RANDOM,
    ),
    "cleared before its sum has left": Mutant(
        driven(PingPong, "move", lambda was, at: Mux(at.reset, 0b11, at.ended)), STALLS, RULE
    ),
    "sum that is offered overwritten": Mutant(
        driven(PingPongAccumulator, "sum0", lambda was, at: at.accumulator0), STALLS, RULE
    ),
    "sums offered in the wrong order": Mutant(
        driven(PingPongAccumulator, "sums", lambda was, at: Mux(at.ping_pong.read, at.sum0, at.sum1)), RANDOM
    ),
    "second register never offered": Mutant(driven(PingPong, "read", lambda was, at: 0), STALLS),
    "accumulators do not take turns": Mutant(driven(PingPong, "turn", lambda was, at: 0), RANDOM),
    "kept sum forgotten": Mutant(driven(PingPong, "done", lambda was, at: at.ended), STALLS),
    "goes on while a sum is kept": Mutant(driven(PingPong, "enable", lambda was, at: 1), STALLS),
    "turn survives reset": Mutant(driven(PingPong, "turn", lambda was, at: at.turn ^ at.switch), RESET),
    "accumulators survive reset": Mutant(driven(PingPong, "move", lambda was, at: Mux(at.reset, 0, was)), RESET),
}

STREAMS = {
    "sum not cleared for the next": Mutant(
        driven(Accumulator, "accumulator", lambda was, at: Mux(ResetSignal(), 0, at.total)), RANDOM
    ),
    "beat lost under stall": Mutant(Fault(control, "delay_beat", _beat_lost), STALLS),
    "beat accumulated twice": Mutant(
        driven(Accumulator, "beat", lambda was, at: Mux(at.control__enable_next, was, at.beat)), STALLS
    ),
    "ready whether or not there is room": Mutant(driven(Alignment, "tiles__ready", lambda was, at: 1), STALLS),
    "waiting sum overwritten": Mutant(
        driven(Accumulator, "finish", lambda was, at: at.beat[2] | ~at.enable), STALLS, RULE
    ),
    "payload follows the total": Mutant(driven(Accumulator, "sum", lambda was, at: at.total), STALLS, RULE),
    "valid falls before the transfer": Mutant(driven(Control, "valid", lambda was, at: at.ends), WAIT, RULE),
    "valid waits for ready": Mutant(driven(Control, "valid", lambda was, at: was & at.ready), WAIT),
    "sums repeated": Mutant(driven(Control, "valid", lambda was, at: was | at.valid), STALLS),
    "sums never come": Mutant(driven(Control, "valid", lambda was, at: was & at.valid), STALLS),
    "nothing is ever worked off": Mutant(driven(Alignment, "issue_next", lambda was, at: was & at.issue), STALLS),
    "sum of one PE unknown": Mutant(
        driven(Array, "sums__payload", lambda was, at: Cat(unknown(at, len(was) // 3), was[len(was) // 3 :])),
        RANDOM,
        RULE,
        simulator="icarus",
    ),
    "valid unknown": Mutant(driven(Control, "valid", lambda was, at: unknown(at, 1)), RANDOM, RULE, simulator="icarus"),
}

TIME_AND_RESET = {
    "bubble between dot products": Mutant(
        driven(Alignment, "issue_next", lambda was, at: was & ~(at.issue & at.tile_done & at.last)), CYCLES
    ),
    "a tile every other cycle": Mutant(
        driven(Alignment, "tiles__ready", lambda was, at: was & ~at.accept_tile), CYCLES
    ),
    "sum survives reset": Mutant(surviving(Accumulator, "beat"), RESET),
    "residual state survives reset": Mutant(surviving(Alignment, "residual"), RESET),
    "beats survive reset": Mutant(surviving(Control, "beat0"), RESET),
    "ready in reset": Mutant(surviving(Alignment, "acts__ready"), RESET, RULE),
}

MUTANTS = (
    ARITHMETIC
    | WORDS_AND_FLAGS
    | {name: replace(mutant, config=BUFFERED) for name, mutant in PING_PONG.items()}
    | STREAMS
    | TIME_AND_RESET
)
