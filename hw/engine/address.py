"""The address generator: where in the activation memory each element is."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import add
from hw.array.registers import Registers
from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import JOB, LOOPS, STEP, TILE_LOOPS
from hw.engine.latency import FLAG_CYCLES
from hw.engine.layouts import struct
from hw.engine.loops import Loops

PLACE = ("address", "x", "y")
BOUNDS = ("width", "height", "pad_address")


def address_signature(config: EngineConfig) -> wiring.Signature:
    """The members of an :class:`AddressGenerator`."""
    step = struct(STEP)
    return wiring.Signature(
        {
            "job": In(struct(JOB)),
            "started": In(1),
            "issue": In(1),
            "finish": In(1),
            "level": In(range(len(LOOPS))),
            "two_word": In(1),
            "step_entry": Out(range(2 * len(LOOPS))),
            "step": In(step),
            "address": Out(config.address_bits),
            "lane": Out(range(config.array.lanes)),
            "beat": Out(1),
            "valid": Out(1),
        }
    )


class AddressGenerator(Component):
    """One adder for the address, one each for its x and y; what they add is read from the steps of the job.

    An address outside of the tensor, whose x or y is negative or not below `width` or `height`, becomes `pad_address`.
    A two-word tile is two beats with one address. Nothing feeds back from addresses to loops, so each stage is short:
    the loops' levels, the step, the address, its bounds.

    Latency: `ADDRESS_CYCLES` cycles. Throughput: one element a cycle.

    Members
    -------
    job, started, issue, finish, level : In
        Of the sequencer, whose `job` may be late by a cycle.
    two_word : In(1)
        `FLAG_CYCLES` after `issue`: the element is the first of two beats.
    step_entry : Out, step : In
        The step to read; it comes a cycle later.
    address, lane : Out
        The element's address; its x, where that stands for a lane.
    beat, valid : Out(1)
        An element is there; it is the first or only beat of its tile.
    """

    def __init__(self, config: EngineConfig):
        super().__init__(address_signature(config), module=f"{config.name}_address")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # As late as the flags: the loops over the tiles of a position.
        issue, finish = (later(m, name, getattr(self, name), FLAG_CYCLES) for name in ("issue", "finish"))
        level = Registers(m, 1).delay("level", self.level, FLAG_CYCLES)
        start = later(m, "started", self.started, FLAG_CYCLES - 1)
        residual = Signal()
        first = Signal()
        done = Signal()
        bank = Signal()
        m.d.comb += [first.eq(issue & ~residual), done.eq(issue & (residual | ~self.two_word))]
        with m.If(issue):
            m.d.sync += residual.eq(~done)
        # The steps of a job are in the other half than those of the job before it; the first one's are in half 0.
        with m.If(start):
            m.d.sync += bank.eq(~bank)
        inner = self._tile_loops(m, done, start)
        m.d.comb += self.step_entry.eq(Cat(Mux(finish, level, inner), ~bank))

        # A cycle later the step is there.
        load = Signal()
        read = Signal()
        move = Signal()
        beat = Signal()
        m.d.sync += [load.eq(start), read.eq(first), move.eq(done), beat.eq(issue)]
        m.d.sync += [self.valid.eq(read), self.beat.eq(beat)]
        self._walk(m, load, move)
        return m

    def _walk(self, m: Module, load: Signal, move: Signal) -> None:
        """Address, x and y of the element: the job's own at first, then what the steps make of them."""
        bounds = {name: Signal.like(self.job[name], name=f"own_{name}") for name in BOUNDS}
        place = {}
        for name in PLACE:
            bits = min(len(self.job[name]), len(self.address)) if name == "address" else len(self.job[name])
            # One of the two is 0: no multiplexer, and two forms of their sum that take no LUT of their own.
            own, moved = Signal(bits, name=f"own_{name}"), Signal(bits, name=f"moved_{name}")
            after = Signal(bits, name=f"after_{name}")
            m.d.comb += add(after, Value.cast(self.step[name]), own | moved, Const(0), logic=True)
            with m.If(move):
                m.d.sync += moved.eq(after)
            with m.If(load):
                m.d.sync += [own.eq(self.job[name]), moved.eq(0)]
            # The last statement: so it becomes the registers' reset.
            with m.If(move & ~load):
                m.d.sync += own.eq(0)
            place[name] = own ^ moved
        with m.If(load):
            m.d.sync += [bound.eq(self.job[name]) for name, bound in bounds.items()]
        inside = Signal()
        m.d.comb += inside.eq(below(place["x"], bounds["width"]) & below(place["y"], bounds["height"]))
        m.d.sync += [self.address.eq(Mux(inside, place["address"], bounds["pad_address"])), self.lane.eq(place["x"])]

    def _tile_loops(self, m: Module, done: Signal, start: Value) -> Signal:
        """The counters of the loops over tiles; returns the innermost one that goes on."""
        inner = Signal(range(len(LOOPS)))
        loops = Loops(m, LOOPS[:TILE_LOOPS], done, self.job, load=start, next_job=self.job)
        m.d.comb += inner.eq(TILE_LOOPS - 1)
        for number, name in reversed(list(enumerate(LOOPS[: TILE_LOOPS - 1]))):
            with m.If(~loops.at_end[name]):
                m.d.comb += inner.eq(number)
        return inner


def below(value: Value, limit: Value) -> Value:
    """Whether `value`, read as unsigned, is below `limit`, a register: one carry chain, without a test for equality.

    What is negative is above all limits that are not.
    """
    margin = Cat(Const(0, 1), limit) - Cat(Const(1, 1), value)
    return ~margin[-1]
