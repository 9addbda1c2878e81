"""Which of two accumulators adds, and where complete sums are."""

from amaranth import Cat, Module, Mux, Signal
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
    reset : In(1)
        No sum is complete or on its way; in the cycle after it both accumulators are set to 0.
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
            "reset": In(1),
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
        # Reset is explicit, and nothing has an initial value but 0: that of a flip-flop of an iCE40 is 0, and an
        # inverter would follow any other one.
        enable, last, switch, turn, read, valid = (
            Signal(name=name, reset_less=True) for name in ("enable", "last", "switch", "turn", "read", "valid")
        )
        add, move, ended, done, full = (
            Signal(2, name=name, reset_less=True) for name in ("add", "move", "ended", "done", "full")
        )
        kept, taken = (Signal(2, name=name) for name in ("kept", "taken"))
        m.d.comb += [
            # The accumulator holds a complete sum, and its register too: the accumulator has to keep its own.
            kept.eq(done & full),
            taken.eq(Cat(self.ready & ~read, self.ready & read)),
            self.enable_next.eq(~kept.any()),
        ]
        last_next = Mux(enable, self.ends, last)
        turn_next = turn ^ switch
        add_next = Cat(~turn_next, turn_next) & self.enable_next.replicate(2)
        full_next = Cat(Mux(full[index], ~taken[index], done[index]) for index in range(2))
        moves = (Mux(full[index], taken[index] & (done | ended)[index], ended[index]) for index in range(2))
        m.d.sync += [
            enable.eq(self.enable_next),
            add.eq(add_next),
            move.eq(Cat(moves)),
            last.eq(last_next),
            switch.eq(last_next & self.enable_next),
            turn.eq(turn_next),
            ended.eq(last_next.replicate(2) & add_next),
            done.eq(kept | ended),
            full.eq(full_next),
            read.eq(read ^ (full & taken).any()),
            valid.eq(full_next.any()),
        ]
        with m.If(self.reset):
            m.d.sync += [Cat(last, switch, turn, ended, done, full, read, valid).eq(0), move.eq(0b11), enable.eq(1)]
        m.d.comb += [self.enable.eq(enable), self.add.eq(add), self.move.eq(move)]
        m.d.comb += [self.read.eq(read), self.valid.eq(valid)]
        return m
