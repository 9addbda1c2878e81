"""One accumulator for each pixel."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import add, pixel_name
from hw.array.beat import BEAT
from hw.array.control import PE_CONTROL
from hw.component import Component
from hw.config import BaseArrayConfig


def accumulator_members(config: BaseArrayConfig, bits: int, control: wiring.Signature) -> dict[str, wiring.Member]:
    """The members of every accumulator part.

    Members
    -------
    control : In
        As the array's control says it.
    values : In(array of signed(bits)), carry : In(1)
        The operand of each pixel.
    enable : Out(1)
        The operand part moves. Each PE has its own: it drives registers all over the PE, and one for all PEs would be
        the array's slowest net.
    bubble : Out(1)
        What enters the operand part's last registers is no beat, and the accumulators need its carry to be 0.
    sums : Out(pixels * acc_bits)
        A complete sum of each pixel while the array's sums are valid.
    """
    return {
        "control": In(control),
        "values": In(data.ArrayLayout(signed(bits), config.pixels)),
        "carry": In(1),
        "enable": Out(1),
        "bubble": Out(1),
        "sums": Out(config.pixels * config.acc_bits),
    }


def scaled(value: Value, carry: Value, beat: data.View, config: BaseArrayConfig) -> Value:
    """An operand without its carry, 2^k times as much for first words, if the numbers have residual words."""
    if config.residual_shift is None:
        return value
    # Shifted before the carry is added, so the places that become free are filled with it: 2^k * (v + c) is
    # 2^k * v + (2^k - 1) * c + c.
    first = Cat(carry.replicate(config.residual_shift), value).as_signed()
    return Mux(beat.first_word, first, value)


class Accumulator(Component):
    """Adds up operands until a dot product ends; its sum is then offered from a register of its own.

    While the sum waits for the consumer, the next one can be completed and stay in the accumulator.

    Latency: 1, from operand to sum. Throughput: an operand each cycle, across dot products too.

    Members
    -------
    As :func:`accumulator_members`, with ``PE_CONTROL``.
    """

    CONTROL = PE_CONTROL

    def __init__(self, config: BaseArrayConfig, bits: int):
        self._config = config
        self._registered = config.schedule.registered(0)
        super().__init__(accumulator_members(config, bits, self.CONTROL), module=f"{config.name}_accumulator")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # What enables has no value in reset: that of a flip-flop of an iCE40 is 0, and an inverter would follow it.
        enable = Signal(reset_less=True)
        # What ends a sum makes the next one start from 0; so in reset.
        beat = Signal(BEAT, init={"ends": 1})
        waiting = Signal()
        finish = Signal()
        m.d.sync += [enable.eq(self.control.enable_next), beat.eq(self.control.beat_next)]
        # While the pipeline is stalled, the accumulators hold complete sums that have to wait.
        m.d.comb += [
            self.enable.eq(enable),
            self.bubble.eq(self.control.bubble),
            waiting.eq(self.control.valid & ~self.control.ready),
            finish.eq((beat.ends | ~enable) & ~waiting),
        ]
        sums = [self._accumulated(m, pixel, beat, finish) for pixel in range(self._config.pixels)]
        m.d.comb += self.sums.eq(Cat(sums))
        return m

    def _accumulated(self, m: Module, pixel: int, beat: data.View, finish: Signal) -> Signal:
        """The sum register of a pixel.

        It loads the same total as the accumulator, which is cleared then by its synchronous reset: so that no logic is
        needed to start the next sum from 0.
        """
        shape = signed(self._config.acc_bits)
        accumulator, total, complete = (
            Signal(shape, name=pixel_name(name, pixel), reset_less=True) for name in ("accumulator", "total", "sum")
        )
        operand = scaled(self.values[pixel], self.carry, beat, self._config)
        counted = Signal(operand.shape(), name=pixel_name("counted", pixel))
        # A register's carry is known, see `bubble`: the adder leaves it out. Any other one may be unknown, which in a
        # simulation would make all bits of the sum unknown.
        carry, carry_counts = (self.carry, beat.valid) if self._registered else (self.carry & beat.valid, None)
        m.d.comb += counted.eq(operand & beat.valid.replicate(len(operand)).as_signed())
        m.d.comb += add(total, accumulator, counted, carry, logic=True, counted=carry_counts)
        m.d.sync += accumulator.eq(total)
        with m.If(finish):
            m.d.sync += [accumulator.eq(0), complete.eq(total)]
        return complete
