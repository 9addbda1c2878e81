"""A processing element: lanes, adder tree, accumulator; one output channel."""

from collections.abc import Callable
from typing import Any

from amaranth import Cat, Const, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.adder_tree import Term, add, adder_chain, adder_tree, register, resize
from hw.component import Component
from hw.config import ArrayConfig
from hw.delay import delayed
from hw.instance import place
from hw.join import BEAT
from hw.lane import lane_signature, last_places, product, shifted


def pe_signature(config: ArrayConfig) -> wiring.Signature:
    """The members of a :class:`PE`; words and activations are packed as in the streams' payloads."""
    control = (
        {"beat": In(BEAT), "valid": Out(1), "crowded": Out(1)}
        if config.buffered
        else {"advance_next": In(1), "beat_next": In(BEAT), "valid": In(1)}
    )
    return wiring.Signature(
        {
            "words": In(config.lanes * config.format.bits),
            "acts": In(config.lanes * config.format.act_bits),
            **control,
            "ready": In(1),
            "sum": Out(signed(config.acc_bits)),
        }
    )


class PE(Component):
    """Sums ``term(words[l]) * acts[l]`` over lanes and beats.

    A beat's *operand* (the sum over its lanes) is added ``config.stages`` moves of `advance` after its words entered.
    A lane's activation enters ``config.skew`` moves after its word.

    Members
    -------
    words, acts : In
        One beat.
    advance_next : In(1), beat_next : In(BEAT)
        Not if buffered: lanes and adders move in the next cycle; the beat whose operand is accumulated then.
    beat : In(BEAT), crowded : Out(1)
        If buffered: the beat whose operand is two registers before the accumulator, and moves with it; nothing may move
        in the next cycle if a sum is offered and not taken in this one.
    sum : Out(signed(acc_bits)), ready : In(1), valid : Out(1) if buffered, else In(1)
        A complete sum, as in a stream.
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
        waiting = Signal()
        m.d.comb += waiting.eq(self.valid & ~self.ready)
        # While not buffered, high in reset: what ends a sum makes the next one start from 0.
        self._beat = Signal(BEAT, name="beat_held", init={"ends": not self._config.buffered})
        (self._buffered if self._config.buffered else self._direct)(m, self._operand(m), waiting)
        return m

    def _direct(self, m: Module, operand: Term, waiting: Signal) -> None:
        """Accumulates the operand. A complete sum that has to wait stays in the accumulator, while nothing advances."""
        # The result and the accumulator load the same total: a separate accumulator can be cleared by its synchronous
        # reset when a dot product ends, so that no logic is needed to start the next one from zero.
        width = self._config.acc_bits
        finish = Signal()
        m.d.sync += [self._advance.eq(self.advance_next), self._beat.eq(self.beat_next)]
        m.d.comb += finish.eq((self._beat.ends | ~self._advance) & ~waiting)
        accumulator = Signal(signed(width), reset_less=True)
        result = Signal(signed(width), reset_less=True)
        total = Signal(signed(width))
        scaled = self._scaled(operand, self._beat.valid)
        m.d.comb += total.eq(add(accumulator, scaled, operand.carry, width, logic=True, counted=self._beat.valid))
        m.d.sync += accumulator.eq(total)
        with m.If(finish):
            m.d.sync += [accumulator.eq(0), result.eq(total)]
        m.d.comb += self.sum.eq(result)

    def _buffered(self, m: Module, operand: Term, waiting: Signal) -> None:
        """Accumulates the operand from a register of its own, in two halves, the upper one a cycle later.

        One short adder, and nothing but it, is between two registers. Complete sums go to two registers in turn; a
        third one waits with its lower half complete. Which of them is offered is decided behind them, so that what the
        consumer does enables none.
        """
        acc_bits = self._config.acc_bits
        advance_next = ~(waiting & self.crowded)
        m.d.sync += self._advance.eq(advance_next)
        scaled = self._scaled(operand, Const(1))
        held = Signal(scaled.shape(), name="operand", reset_less=True)
        carry = Signal(name="operand_carry", reset_less=True)
        with m.If(self._advance):
            m.d.sync += [held.eq(scaled), carry.eq(operand.carry), self._beat.eq(self.beat)]
        with m.If(self._clear(m, "_operand", ~self._beat.valid) | ResetSignal()):
            m.d.sync += [held.eq(0), carry.eq(0)]
        # Of the beat whose operand is in that register, only whether it ends a sum is left to know: `last`, and `ends`,
        # if it is added in this cycle.
        last = Signal()
        ends = Signal()
        last_next = Mux(self._advance, self._beat.ends, last)
        m.d.sync += [last.eq(last_next), ends.eq(last_next & advance_next)]
        low_bits = min(-(-acc_bits // 2), len(held))
        low, overflow = self._accumulated(m, "low", held[:low_bits], carry, low_bits, move=self._advance, ends=ends)
        complete_low = Signal(low_bits, reset_less=True)
        with m.If(ends):
            m.d.sync += complete_low.eq(low)

        # Nothing moves after a cycle in which a sum waits and another one is complete, half complete or just that:
        # there are places for those, and none for one more. What is known of them a cycle before counts, so that
        # `ready` comes last; in its first cycle the sum that waits is among them, and stops the others for one. While
        # both registers hold sums the upper half stands still too.
        both = Signal()
        move_high = Signal(reset_less=True)
        ends_high = Signal()
        m.d.sync += self.crowded.eq(both | ends_high | ends | last_next)
        held_high = Signal(signed(max(len(held) - low_bits, 1)), name="operand_high")
        carry_high = Signal(name="operand_high_carry")
        with m.If(~both):
            m.d.sync += [move_high.eq(self._advance), ends_high.eq(ends)]
            m.d.sync += [held_high.eq(held >> low_bits), carry_high.eq(overflow)]
        finish = Signal()
        move = Signal()
        m.d.comb += [finish.eq(ends_high & ~both), move.eq(move_high & ~both)]
        bits = acc_bits - low_bits
        high, _ = self._accumulated(m, "high", held_high, carry_high, bits, move=move, ends=finish)
        sums = [Signal(signed(acc_bits), name=f"sum{index}", reset_less=True) for index in range(2)]
        write = Signal()
        read = Signal()
        for index, place_of_sum in enumerate(sums):
            with m.If(finish & (write == index)):
                m.d.sync += place_of_sum.eq(Cat(complete_low, high))
        m.d.sync += [
            both.eq(waiting & (both | finish)),
            write.eq(write ^ finish),
            read.eq(read ^ (self.valid & self.ready)),
            self.valid.eq(waiting | both | finish),
        ]
        m.d.comb += self.sum.eq(Mux(read, *reversed(sums)))

    def _accumulated(
        self, m: Module, name: str, addend: Value, carry: Value, width: int, *, move: Value, ends: Value
    ) -> tuple[Value, Value]:
        """The sum, modulo 2^`width`, of ``addend + carry`` in this cycle and in those of `move` since one that `ends`.

        And the carry out of the last addition.
        """
        # Of the registers that get a sum, nextpnr puts that with the last name beside the adder: this one, as its way
        # back to the adder is the longest path.
        total = Signal(width, name=f"total_{name}", reset_less=True)
        added = Signal(width + 1, name=f"added_{name}")
        m.d.comb += added.eq(add(total, addend, carry, width + 1, logic=False))
        with m.If(move):
            m.d.sync += total.eq(added)
        with m.If(ends | ResetSignal()):
            m.d.sync += total.eq(0)
        return added[:width], added[width]

    def _operand(self, m: Module) -> Term:
        """The sum over the lanes."""
        fmt = self._config.format
        codes = [self._code(m, lane) for lane in range(self._config.lanes)]
        return self._sum_of_lanes(m, fmt, codes, self._config.registered)

    def _code(self, m: Module, lane: int) -> Value:
        """What a lane's activation is multiplied by: its word, or the code of a rival's weight."""
        word = self.words.word_select(lane, self._config.format.bits)
        return delayed(m, f"word{lane}", word, self._config.skew(lane), advance=self._advance)

    def _own(self, m: Module, name: str, value: Value) -> Any:
        """`value` behind the PE's own registers before the last step of the lanes, if it has them."""
        return delayed(m, name, value, self._config.own_stages, advance=self._advance)

    def _sum_of_lanes(
        self, m: Module, fmt: Any, words: list[Value], registered: Callable[[int], bool], suffix: str = ""
    ) -> Term:
        """The sum over the lanes of ``term(words[l]) * acts[l]``; `suffix` ends the names of its signals."""
        config = self._config
        totals = []
        for index, lanes in enumerate(config.chains):
            terms = [self._term(m, fmt, words[lane], lane, suffix, first=lane == lanes[0]) for lane in lanes]
            level = config.chain_levels - len(lanes) + 2
            name = f"{index}{suffix}"
            totals.append(adder_chain(m, name, terms, level, registered=registered, advance=self._advance))
        # Only without any registers after the lanes.
        logic = not config.registered(0)
        level = config.chain_levels + 1
        return adder_tree(m, totals, level, registered=registered, advance=self._advance, logic=logic)

    def _scaled(self, operand: Term, counted: Value) -> Value:
        """What is accumulated besides the operand's carry: its value at its place, or 0 unless `counted`."""
        # Shifted before the carry is added, so the places that become free are filled with it: 2^k * (v + c) is
        # 2^k * v + (2^k - 1) * c + c.
        coarse = Cat(operand.carry.replicate(self._config.format.residual_shift), operand.value).as_signed()
        scaled = Mux(self._beat.coarse, coarse, operand.value)
        return scaled & counted.replicate(len(scaled)).as_signed()

    def _term(self, m: Module, fmt: Any, word: Value, index: int, suffix: str, *, first: bool) -> Term:
        """The product of lane `index`; `suffix` ends the names of its signals.

        The `first` of a chain is complete when it is registered, and feeds the carry chain; of the others one of
        several registers is chosen, and the sign taken in, in the adder.
        """
        name = f"{index}{suffix}"
        lane = place(m, f"lane{name}", f"{self._config.name}_lane", lane_signature(fmt), clocked=False)
        m.d.comb += [
            lane.word.eq(word),
            lane.act.eq(self.acts.word_select(index, fmt.act_bits)),
        ]
        # Of the last step's places, as many as there are registers to choose from are left to the choice.
        places = last_places(fmt)
        kept = 1 if first else min(self._config.choices, places)
        step, done = fmt.levels // places, (places // kept).bit_length() - 1
        # One multiplexer before the PE's own registers, if there are any, and the others behind.
        early = min(done, 1)
        near = self._own(m, f"near{name}", shifted(lane.near, lane.choice[:early], step))
        choice, zero, negative = (
            self._own(m, f"{part}{name}", getattr(lane, part)) for part in ("choice", "zero", "negative")
        )
        partly, rest = shifted(near, choice[early:done], step << early), choice[done:]
        values = [(partly, ~zero & (rest == index), (step << done) * index) for index in range(kept)]
        magnitude = shifted(near, choice[early:], step << early)
        return self._product(m, fmt, name, magnitude, values, negative, zero=zero, largest=fmt.term_max, first=first)

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
        first: bool,
    ) -> Term:
        """A product of which `magnitude`, unless it is `zero`, and the `values` of :meth:`_chosen` are two forms.

        `largest`: the largest magnitude of a weight.
        """
        # A negative product is one below in ones' complement.
        extremes = [fmt.act_min * largest, fmt.act_max * largest]
        low, high = (limit(*extremes, *(~extreme for extreme in extremes)) for limit in (min, max))
        if not self._config.registered(0):
            return Term(product(fmt, Mux(zero, 0, magnitude), negative), negative, low, high)
        if first or self._config.choices == 1:
            complete = Term(product(fmt, magnitude, negative), negative, low, high)
            return register(m, f"product{name}", complete, advance=self._advance, zero=self._clear(m, name, zero))
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
