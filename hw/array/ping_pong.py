"""Which of two accumulators adds, and where complete sums are."""

from amaranth import Cat, Module, Mux, ResetSignal, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component


class PingPong(Component):
    """Sequencer of two accumulators that add in turn, and of a register behind each from which its sum is offered.

    A dot product goes to one accumulator, the next one to the other. In the cycle after its last operand a sum moves
    to its register, and leaves 0 behind for the dot product after the next one. If the register still holds a sum, the
    accumulator keeps its own, and from the next cycle on the pipeline is stalled. What is added in that cycle itself
    finds its accumulator free: had that one kept a sum too, the pipeline would have been stalled already.

    What the consumer does enables no register of data, and passes one logic cell on its way to those of control.

    Latency: 2, from `ends` to `add`; a sum is valid 2 cycles after its last operand was added.

    Members
    -------
    ends : In(1)
        The beat whose operand is made in this cycle is the last one of a dot product.
    ready : In(1), valid : Out(1)
        Of the sums, as in a stream.
    enable, enable_next : Out(1)
        What is before the accumulators moves in this cycle; in the next one.
    add : Out(2)
        The accumulator adds the operand.
    move : Out(2)
        The accumulator's sum moves to its register, and the accumulator is set to 0; so after reset.
    read : Out(1)
        The register whose sum is offered, or will be.
    """

    def __init__(self, name: str) -> None:
        members = {
            "ends": In(1),
            "ready": In(1),
            "valid": Out(1),
            "enable": Out(1),
            "enable_next": Out(1),
            "add": Out(2),
            "move": Out(2),
            "read": Out(1),
        }
        super().__init__(members, module=f"{name}_ping_pong")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # What enables has no value in reset: that of a flip-flop of an iCE40 is 0, and an inverter would follow it.
        enable = Signal(reset_less=True)
        add, move = (Signal(2, name=name, reset_less=True) for name in ("add", "move"))
        # The operand that waits to be added is the last one of a dot product; it is added in this cycle; to which.
        last, switch, turn = (Signal(name=name) for name in ("last", "switch", "turn"))
        ended = Signal(2)
        # The accumulator holds a complete sum; its register holds one; so that the accumulator has to keep its own.
        done, full, kept, taken = (Signal(2, name=name) for name in ("done", "full", "kept", "taken"))

        m.d.comb += [
            kept.eq(done & full),
            taken.eq(Cat(self.ready & ~self.read, self.ready & self.read)),
            self.enable_next.eq(~kept.any()),
        ]
        last_next = Mux(enable, self.ends, last)
        turn_next = turn ^ switch
        add_next = Cat(~turn_next, turn_next) & self.enable_next.replicate(2)
        full_next = Cat(Mux(full[index], ~taken[index], done[index]) for index in range(2))
        m.d.sync += [
            enable.eq(self.enable_next),
            last.eq(last_next),
            turn.eq(turn_next),
            add.eq(add_next),
            switch.eq(last_next & self.enable_next),
            ended.eq(last_next.replicate(2) & add_next),
            done.eq(kept | ended),
            move.eq(Cat(Mux(full[index], taken[index] & (done | ended)[index], ended[index]) for index in range(2))),
            full.eq(full_next),
            self.read.eq(self.read ^ (full & taken).any()),
            self.valid.eq(full_next.any()),
        ]
        with m.If(ResetSignal()):
            m.d.sync += move.eq(0b11)
        m.d.comb += [self.enable.eq(enable), self.add.eq(add), self.move.eq(move)]
        return m
