"""The address generator: where in the activation memory each element is."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import JOB, LOOPS, STEP, TILE_LOOPS
from hw.engine.layouts import struct


def address_signature(config: EngineConfig) -> wiring.Signature:
    """The members of an :class:`AddressGenerator`."""
    step = struct(STEP)
    return wiring.Signature(
        {
            "job": In(struct(JOB)),
            "start": In(1),
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
    job, start, issue, finish, level : In
        Of the sequencer. `job` may change no sooner than three cycles after `start`.
    two_word : In(1)
        A cycle after `issue`: the element is the first of two beats.
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
        job = self.job
        # A cycle behind the sequencer: the loops over the tiles of a position.
        issue, finish, start, level = Signal(), Signal(), Signal(), Signal.like(self.level, name="level1")
        residual, first, done, bank = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [issue.eq(self.issue), finish.eq(self.finish), start.eq(self.start), level.eq(self.level)]
        m.d.comb += [first.eq(issue & ~residual), done.eq(issue & (residual | ~self.two_word))]
        with m.If(issue):
            m.d.sync += residual.eq(~done)
        # The steps of a job are in the other half than those of the job before it; the first one's are in half 0.
        with m.If(start):
            m.d.sync += bank.eq(~bank)
        inner = self._tile_loops(m, done, finish)
        m.d.comb += self.step_entry.eq(Cat(Mux(finish, level, inner), ~bank))

        # Two cycles behind: the step is there.
        load, read, move, beat = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [load.eq(start), read.eq(first), move.eq(done), beat.eq(issue)]
        address = Signal(len(self.address))
        x, y = Signal.like(job.x, name="at_x"), Signal.like(job.y, name="at_y")
        with m.If(move):
            m.d.sync += [address.eq(address + self.step.address), x.eq(x + self.step.x), y.eq(y + self.step.y)]
        bounds = {name: Signal.like(job[name], name=f"{name}_held") for name in ("width", "height", "pad_address")}
        with m.If(load):
            m.d.sync += [address.eq(job.address), x.eq(job.x), y.eq(job.y)]
            m.d.sync += [held.eq(job[name]) for name, held in bounds.items()]
        inside = Signal()
        m.d.comb += inside.eq((x >= 0) & (x < bounds["width"]) & (y >= 0) & (y < bounds["height"]))

        m.d.sync += [
            self.address.eq(Mux(inside, address, bounds["pad_address"])),
            self.lane.eq(x),
            self.valid.eq(read),
            self.beat.eq(beat),
        ]
        return m

    def _tile_loops(self, m: Module, done: Signal, finish: Signal) -> Signal:
        """The counters of the loops over tiles; returns the innermost one that goes on."""
        inner = Signal(range(len(LOOPS)))
        goes_on = done
        counts = []
        for name in LOOPS[:TILE_LOOPS]:
            trips = self.job[f"trips_{name}"]
            count = Signal.like(trips, name=name)
            at_end = count == trips
            with m.If(goes_on):
                m.d.sync += count.eq(Mux(at_end, 0, count + 1))
            counts.append((count, at_end))
            goes_on = goes_on & at_end
        with m.If(done & finish):
            m.d.sync += [count.eq(0) for count, _ in counts]
        m.d.comb += inner.eq(TILE_LOOPS - 1)
        for number in reversed(range(TILE_LOOPS - 1)):
            with m.If(~counts[number][1]):
                m.d.comb += inner.eq(number)
        return inner
