"""A processing element: lanes, adder tree, accumulator; one output channel."""

from collections.abc import Callable
from typing import Any, NamedTuple

from amaranth import Cat, Const, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import Term, add, adder_chain, adder_tree, register, resize
from hw.array.delay import delayed
from hw.array.join import BEAT
from hw.array.lane import lane_signature, last_places, product, shifted
from hw.array.turns import turns_signature
from hw.component import Component
from hw.config import ArrayConfig
from hw.instance import place


def pe_signature(config: ArrayConfig) -> wiring.Signature:
    """The members of a :class:`PE`; words and activations are packed as in the streams' payloads."""
    control = {"beat": In(BEAT)} if config.buffered else {"advance_next": In(1), "beat_next": In(BEAT), "valid": In(1)}
    return wiring.Signature(
        {
            "words": In(config.lanes * config.format.bits),
            "acts": In(config.acts_per_beat * config.format.act_bits),
            **control,
            "ready": In(1),
            "sums": Out(config.pixels * config.acc_bits),
        }
    )


class Pixel(NamedTuple):
    """One of the activation vectors that the words meet; `suffix` ends the names of its signals."""

    number: int
    suffix: str


class Decoded(NamedTuple):
    """What a word says to all pixels: the :class:`Lane`, and its other outputs behind the PE's own registers."""

    lane: Any
    choice: Value  # as far as it is not taken before these registers
    zero: Value
    negative: Value


class PE(Component):
    """Sums ``term(words[l]) * acts[l]`` over lanes and beats, for each pixel.

    Pixels have products, adders and accumulators each. Words, decoded, and control are those of all.

    A beat's *operand* (the sum over its lanes) is added ``config.stages`` moves of `advance` after its words entered.
    A lane's activation enters ``config.skew`` moves after its word.

    Members
    -------
    words, acts : In
        One beat.
    advance_next : In(1), beat_next : In(BEAT)
        Not if buffered: lanes and adders move in the next cycle; the beat whose operand is accumulated then.
    beat : In(BEAT)
        If buffered: the beat whose operand is two registers before the accumulators, and moves with it.
    sums : Out(pixels * acc_bits), ready : In(1), valid : In(1) if not buffered
        A complete sum of each pixel, as in a stream; if buffered, the PE's own :class:`Turns` know when.
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        super().__init__(pe_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Of each PE's own, as all control is: it drives registers all over it, and one for all PEs would be the array's
        # slowest net. What enables has no value in reset: that of a flip-flop of an iCE40 is 0, and an inverter would
        # follow it.
        self._advance = Signal(name="advance", reset_less=True)
        # While not buffered, high in reset: what ends a sum makes the next one start from 0.
        self._beat = Signal(BEAT, name="beat_held", init={"ends": not self._config.buffered})
        control = (self._turns if self._config.buffered else self._waiting)(m)
        weights = [self._weight(m, lane) for lane in range(self._config.lanes)]
        pixels = [Pixel(index, f"_x{index}" if index else "") for index in range(self._config.pixels)]
        # What several have in common becomes one, by the name that it has in the last of them: the first pixel.
        found = {pixel.suffix: self._operand(m, weights, pixel) for pixel in reversed(pixels)}
        operands = dict(reversed(found.items()))
        (self._buffered if self._config.buffered else self._direct)(m, operands, control)
        return m

    def _waiting(self, m: Module) -> Signal:
        """Whether a sum waits."""
        waiting = Signal(name="waiting")
        m.d.comb += waiting.eq(self.valid & ~self.ready)
        return waiting

    def _turns(self, m: Module) -> Any:
        """Control, and `advance`, of a buffered PE: its :class:`Turns`."""
        turns = place(m, "turns", f"{self._config.name}_turns", turns_signature())
        m.d.comb += [turns.ends.eq(self._beat.ends), turns.ready.eq(self.ready), self._advance.eq(turns.advance)]
        return turns

    def _direct(self, m: Module, operands: dict[str, Term], waiting: Signal) -> None:
        """Accumulates the operands. While nothing advances, the accumulators hold complete sums that have to wait."""
        finish = Signal()
        m.d.sync += [self._advance.eq(self.advance_next), self._beat.eq(self.beat_next)]
        m.d.comb += finish.eq((self._beat.ends | ~self._advance) & ~waiting)
        # The result and the accumulator load the same total: a separate accumulator can be cleared by its synchronous
        # reset when a dot product ends, so that no logic is needed to start the next one from zero.
        width = self._config.acc_bits
        results = []
        for suffix, operand in operands.items():
            accumulator = Signal(signed(width), name=f"accumulator{suffix}", reset_less=True)
            result = Signal(signed(width), name=f"sum{suffix}", reset_less=True)
            total = Signal(signed(width), name=f"total{suffix}")
            scaled = self._scaled(operand, self._beat.valid)
            m.d.comb += total.eq(add(accumulator, scaled, operand.carry, width, logic=True, counted=self._beat.valid))
            m.d.sync += accumulator.eq(total)
            with m.If(finish):
                m.d.sync += [accumulator.eq(0), result.eq(total)]
            results.append(result)
        m.d.comb += self.sums.eq(Cat(*results))

    def _buffered(self, m: Module, operands: dict[str, Term], turns: Any) -> None:
        """Accumulates the operands from registers of their own, so that between two registers is nothing but an adder.

        Each of the two accumulators has an adder, whose sum it alone gets, in the same logic cells.
        """
        with m.If(self._advance):
            m.d.sync += self._beat.eq(self.beat)
        # The first pixel last, as in `elaborate`.
        sums = [self._accumulated(m, turns, suffix, operand) for suffix, operand in reversed(operands.items())]
        m.d.comb += self.sums.eq(Cat(*reversed(sums)))

    def _accumulated(self, m: Module, turns: Any, suffix: str, operand: Term) -> Value:
        """The sum that is offered, of a pixel whose :class:`Term` is `operand`."""
        held, carry = self._held_operand(m, operand, suffix)
        shape = signed(self._config.acc_bits)
        sums = []
        for index in range(2):
            accumulator = Signal(shape, name=f"accumulator{index}{suffix}", reset_less=True)
            total = Signal(shape, name=f"total{index}{suffix}")
            m.d.comb += total.eq(add(accumulator, held, carry, shape.width, logic=False))
            with m.If(turns.add[index]):
                m.d.sync += accumulator.eq(total)
            complete = Signal(shape, name=f"sum{index}{suffix}", reset_less=True)
            with m.If(turns.move[index]):
                m.d.sync += [complete.eq(accumulator), accumulator.eq(0)]
            sums.append(complete)
        return Mux(turns.read, *reversed(sums))

    def _held_operand(self, m: Module, operand: Term, suffix: str) -> tuple[Signal, Signal]:
        """The operand at its place, and its carry, one move later; 0 after a beat that was none."""
        scaled = self._scaled(operand, Const(1))
        held = Signal(scaled.shape(), name=f"operand{suffix}", reset_less=True)
        carry = Signal(name=f"operand_carry{suffix}", reset_less=True)
        with m.If(self._advance):
            m.d.sync += [held.eq(scaled), carry.eq(operand.carry)]
        with m.If(self._clear(m, f"_operand{suffix}", ~self._beat.valid) | ResetSignal()):
            m.d.sync += [held.eq(0), carry.eq(0)]
        return held, carry

    def _operand(self, m: Module, weights: list[Any], pixel: Pixel) -> Term:
        """The sum over the lanes of a pixel's activations, each multiplied by the lane's :meth:`_weight`."""
        return self._sum_of_lanes(m, self._config.format, weights, self._config.registered, pixel)

    def _weight(self, m: Module, lane: int) -> Any:
        """What a lane multiplies the activation of each pixel by: its word, decoded."""
        return self._decoded(m, self._config.format, self._code(m, lane), lane)

    def _decoded(self, m: Module, fmt: Any, word: Value, index: int, suffix: str = "") -> Decoded:
        """A word of lane `index`; `suffix` ends the names of its signals."""
        name, config = f"{index}{suffix}", self._config
        lane = place(m, f"lane{name}", f"{config.name}_lane", lane_signature(fmt, config.pixels), clocked=False)
        acts = [self.acts.word_select(x * config.lanes + index, fmt.act_bits) for x in range(config.pixels)]
        m.d.comb += [lane.word.eq(word), *(act.eq(value) for act, value in zip(lane.acts, acts, strict=True))]
        choice, zero, negative = (
            self._own(m, f"{part}{name}", value)
            for part, value in {
                "choice": lane.choice[self._early(fmt, index) :],
                "zero": lane.zero,
                "negative": lane.negative,
            }.items()
        )
        return Decoded(lane, choice, zero, negative)

    def _code(self, m: Module, lane: int) -> Value:
        """The word of a lane, or the code of a rival's weight."""
        word = self.words.word_select(lane, self._config.format.bits)
        return delayed(m, f"word{lane}", word, self._config.skew(lane), advance=self._advance)

    def _own(self, m: Module, name: str, value: Value) -> Any:
        """`value` behind the PE's own registers before the last step of the lanes, if it has them."""
        return delayed(m, name, value, self._config.own_stages, advance=self._advance)

    def _sum_of_lanes(
        self, m: Module, fmt: Any, weights: list[Any], registered: Callable[[int], bool], pixel: Pixel
    ) -> Term:
        """The sum over the lanes, whose words are of the format `fmt`."""
        config = self._config
        totals = []
        for index, lanes in enumerate(config.chains):
            terms = [self._term(m, fmt, weights[lane], lane, pixel) for lane in lanes]
            level = config.chain_levels - len(lanes) + 2
            totals.append(
                adder_chain(m, f"{index}{pixel.suffix}", terms, level, registered=registered, advance=self._advance)
            )
        # Only without any registers after the lanes.
        logic = not config.registered(0)
        level = config.chain_levels + 1
        return adder_tree(
            m, totals, level, registered=registered, advance=self._advance, logic=logic, suffix=pixel.suffix
        )

    def _scaled(self, operand: Term, counted: Value) -> Value:
        """What is accumulated besides the operand's carry: its value at its place, or 0 unless `counted`."""
        # Shifted before the carry is added, so the places that become free are filled with it: 2^k * (v + c) is
        # 2^k * v + (2^k - 1) * c + c.
        coarse = Cat(operand.carry.replicate(self._config.format.residual_shift), operand.value).as_signed()
        scaled = Mux(self._beat.coarse, coarse, operand.value)
        return scaled & counted.replicate(len(scaled)).as_signed()

    def _kept(self, fmt: Any, lane: int) -> int:
        """The registers of a lane that one is chosen of."""
        return 1 if self._config.first_of_chain(lane) else min(self._config.choices, last_places(fmt))

    def _early(self, fmt: Any, lane: int) -> int:
        """The multiplexers of a lane before the PE's own registers, if there are any: one, and the others behind."""
        return int(self._kept(fmt, lane) < last_places(fmt))

    def _term(self, m: Module, fmt: Any, weight: Any, index: int, pixel: Pixel) -> Term:
        """The product of lane `index`.

        The first of a chain is complete when it is registered, and feeds the carry chain; of the others one of
        several registers is chosen, and the sign taken in, in the adder.
        """
        lane, choice, zero, negative = weight
        name = f"{index}{pixel.suffix}"
        # Of the last step's places, as many as there are registers to choose from are left to the choice.
        places, kept, early = last_places(fmt), self._kept(fmt, index), self._early(fmt, index)
        step, done = fmt.levels // places, (places // kept).bit_length() - 1
        near = self._own(
            m,
            f"near{name}",
            shifted(lane.near[pixel.number], lane.choice[:early], step, gates=self._config.own_stages > 0),
        )
        partly, rest = shifted(near, choice[: done - early], step << early), choice[done - early :]
        values = [(partly, ~zero & (rest == place), (step << done) * place) for place in range(kept)]
        magnitude = shifted(near, choice, step << early)
        return self._product(
            m, fmt, name, magnitude, values, negative, zero=zero, largest=fmt.term_max, complete=kept == 1
        )

    def _product(
        self,
        m: Module,
        fmt: Any,
        name: str,
        magnitude: Value,
        values: list[tuple[Value, Value, int]],
        negative: Value,
        *,
        zero: Value,
        largest: int,
        complete: bool,
    ) -> Term:
        """A product of which `magnitude`, unless it is `zero`, and the `values` of :meth:`_chosen` are two forms.

        `largest`: the largest magnitude of a weight; `complete`: the first form is registered, else the second.
        """
        # A negative product is one below in ones' complement.
        extremes = [fmt.act_min * largest, fmt.act_max * largest]
        low, high = (limit(*extremes, *(~extreme for extreme in extremes)) for limit in (min, max))
        if not self._config.registered(0):
            return Term(product(fmt, Mux(zero, 0, magnitude), negative), negative, low, high)
        if complete:
            term = Term(product(fmt, magnitude, negative), negative, low, high)
            return register(m, f"product{name}", term, advance=self._advance, zero=self._clear(m, name, zero))
        held = Signal(name=f"negative{name}", reset_less=True)
        with m.If(self._advance):
            m.d.sync += held.eq(negative)
        return Term(product(fmt, self._chosen(m, name, values), held), held, low, high)

    def _chosen(self, m: Module, name: str, values: list[tuple[Value, Value, int]]) -> Value:
        """The value whose condition holds, shifted by its places, or 0 if none does: a register for each.

        At most one condition may hold. A register is cleared unless its condition does, which costs a LUT each; to
        choose among them is then an or of their bits, in the LUTs of the adder behind.
        """
        shape = max((value.shift_left(places).shape() for value, _, places in values), key=lambda shape: shape.width)
        chosen = Const(0, shape.width)
        for index, (value, condition, places) in enumerate(values):
            held = Signal(value.shape(), name=f"choice{name}_{index}", reset_less=True)
            with m.If(self._advance):
                m.d.sync += held.eq(value)
            with m.If(self._clear(m, f"{name}_{index}", ~condition)):
                m.d.sync += held.eq(0)
            chosen |= resize(held.shift_left(places), shape.width)
        return chosen.as_signed() if shape.signed else chosen

    def _clear(self, m: Module, name: str, condition: Value) -> Signal:
        """The reset of a register that moves while `advance` is 1: one signal, or Yosys makes it anew for every bit."""
        clear = Signal(name=f"clear{name}")
        m.d.comb += clear.eq(self._advance & condition)
        return clear
