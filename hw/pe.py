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
from hw.lane import lane_signature, last_places, product, shifted


def pe_signature(config: ArrayConfig) -> wiring.Signature:
    """The members of a :class:`PE`; words and activations are packed as in the streams' payloads."""
    control = ("advance_next", "accumulate_next", "coarse_next", "ends_next", "valid", "ready")
    return wiring.Signature(
        {
            "words": In(config.lanes * config.format.bits),
            "acts": In(config.lanes * config.format.act_bits),
            **dict.fromkeys(control, In(1)),
            "sum": Out(signed(config.acc_bits)),
        }
    )


class PE(Component):
    """Sums ``term(words[l]) * acts[l]`` over lanes and beats.

    A beat's *operand* (the sum over its lanes) leaves the adders ``config.stages`` moves of `advance` after its words
    entered. A lane's activation enters ``config.skew`` moves after its word.

    Members
    -------
    words, acts : In
        One beat.
    advance_next : In(1)
        Lanes and adders move in the next cycle.
    accumulate_next : In(1)
        The adders hold an operand in the next cycle, and it is accumulated, or, if buffered, goes to a register first.
    coarse_next : In(1)
        It is of first words, and counts 2^residual_shift times.
    ends_next : In(1)
        In the next cycle a sum becomes complete.
    valid, ready : In(1)
        `sum` is offered; it would be taken. If it is offered and not taken it stays.
    sum : Out(signed(acc_bits))
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        super().__init__(pe_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Of each PE's own, as they drive registers all over it: one for all PEs would be the array's slowest net.
        # What enables has no value in reset: that of a flip-flop of an iCE40 is 0, and an inverter would follow it.
        self._advance = Signal(name="advance", reset_less=True)
        self._accumulate, self._coarse = Signal(name="accumulate"), Signal(name="coarse")
        # High in reset: what ends a sum makes the next one start from 0.
        self._ends = Signal(name="ends", init=1)
        m.d.sync += [
            self._advance.eq(self.advance_next),
            self._accumulate.eq(self.accumulate_next),
            self._coarse.eq(self.coarse_next),
            self._ends.eq(self.ends_next),
        ]
        self._result = Signal(signed(self._config.acc_bits), reset_less=True)
        m.d.comb += self.sum.eq(self._result)
        (self._buffered if self._config.buffered else self._direct)(m, self._operand(m))
        return m

    def _direct(self, m: Module, operand: Term) -> None:
        """Accumulates the operand. A complete sum that has to wait stays in the accumulator, while nothing advances."""
        # The result and the accumulator load the same total: a separate accumulator can be cleared by its synchronous
        # reset when a dot product ends, so that no logic is needed to start the next one from zero.
        width = self._config.acc_bits
        finish = Signal()
        m.d.comb += finish.eq((self._ends | ~self._advance) & ~(self.valid & ~self.ready))
        accumulator = Signal(signed(width), reset_less=True)
        total = Signal(signed(width))
        scaled = self._scaled(operand, self._accumulate)
        m.d.comb += total.eq(add(accumulator, scaled, operand.carry, width, logic=True, counted=self._accumulate))
        m.d.sync += accumulator.eq(total)
        with m.If(finish):
            m.d.sync += [accumulator.eq(0), self._result.eq(total)]

    def _buffered(self, m: Module, operand: Term) -> None:
        """Accumulates the operand from a register of its own: one adder, and nothing but it, between two registers.

        A complete sum goes to the first of two places, and what was there to the second one.
        """
        width = self._config.acc_bits
        scaled = self._scaled(operand, Const(1))
        held = Signal(scaled.shape(), name="operand", reset_less=True)
        carry = Signal(name="operand_carry", reset_less=True)
        with m.If(self._advance):
            m.d.sync += [held.eq(scaled), carry.eq(operand.carry)]
        with m.If(self._clear(m, "_operand", ~self._accumulate) | ResetSignal()):
            m.d.sync += [held.eq(0), carry.eq(0)]

        accumulator = Signal(signed(width), reset_less=True)
        waiting = [Signal(signed(width), name=f"waiting{index}", reset_less=True) for index in range(2)]
        total = Signal(signed(width))
        m.d.comb += total.eq(add(accumulator, held, carry, width, logic=False))
        with m.If(self._advance):
            m.d.sync += accumulator.eq(total)
        with m.If(self._ends):
            m.d.sync += [accumulator.eq(0), waiting[0].eq(total), waiting[1].eq(waiting[0])]
        with m.If(~(self.valid & ~self.ready)):
            # While nothing moves both wait.
            m.d.sync += self._result.eq(Mux(self._advance, waiting[0], waiting[1]))

    def _operand(self, m: Module) -> Term:
        """The sum over the lanes."""
        fmt = self._config.format
        codes = [self._code(m, lane) for lane in range(self._config.lanes)]
        return self._sum_of_lanes(m, fmt, codes, self._config.registered)

    def _code(self, m: Module, lane: int) -> Value:
        """What a lane's activation is multiplied by: its word, or the code of a rival's weight."""
        word = self.words.word_select(lane, self._config.format.bits)
        return delayed(m, f"word{lane}", word, self._config.skew(lane), advance=self._advance)

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
        scaled = Mux(self._coarse, coarse, operand.value)
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
        kept = min(self._config.choices, places)
        step, done = fmt.levels // places, (places // kept).bit_length() - 1
        near, choice = shifted(lane.near, lane.choice[:done], step), lane.choice[done:]
        values = [(near, ~lane.zero & (choice == index), (step << done) * index) for index in range(kept)]
        magnitude = shifted(lane.near, lane.choice, step)
        return self._product(
            m, fmt, name, magnitude, values, lane.negative, zero=lane.zero, largest=fmt.term_max, first=first
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
