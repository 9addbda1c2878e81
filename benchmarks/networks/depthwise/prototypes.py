"""What rejected forms add to an engine, as parts of their own: LUTs count, nothing else of them is used."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig


class Select(Component):
    """Sums of one of two sources, as a unit beside the array needs before the requantizer."""

    def __init__(self, config: EngineConfig):
        bits = config.array.pe * config.array.acc_bits
        super().__init__({"array": In(bits), "unit": In(bits), "on": In(1), "sums": Out(bits)}, module="select")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.sums.eq(Mux(self.on, self.unit, self.array))
        return m


class Skew(Component):
    """Words whose lanes are rotated by their address, on both ports of the memory: one position, or one channel."""

    def __init__(self, config: EngineConfig):
        self._config = config
        lanes, word, address = config.array.lanes, config.word_bits, config.address_bits
        turn = range(lanes)
        ports = {"address": In(address), "turn": In(turn), "one_channel": In(1), "banks": Out(lanes * address)}
        members = {f"{port}_{name}": member for port in "ab" for name, member in ports.items()}
        members |= {"a_word": In(word), "acts": Out(word), "codes": In(word), "b_word": Out(word)}
        members |= {"columns": In(range(lanes + 1)), "mask": Out(lanes)}
        super().__init__(members, module="skew")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, bits = self._config.array.lanes, self._config.code_bits
        low = (lanes - 1).bit_length()
        for port in "ab":
            address, turn, one = (getattr(self, f"{port}_{name}") for name in ("address", "turn", "one_channel"))
            following = Signal(len(address) - low, name=f"{port}_following")
            m.d.comb += following.eq(address[low:] + 1)
            banks = []
            for bank in range(lanes):
                # The column in this bank, less the address: behind the address's own block it is in the next one.
                own = Signal(low, name=f"{port}_own{bank}")
                m.d.comb += own.eq(Const(bank, low) - turn)
                high = Mux(one & (own < address[:low]), following, address[low:])
                banks.append(Cat(Mux(one, own, address[:low]), high))
            m.d.comb += getattr(self, f"{port}_banks").eq(Cat(banks))
        m.d.sync += [
            self.acts.eq(_rotated(self.a_word, self.a_turn, lanes, bits)),
            self.b_word.eq(_rotated(self.codes, self.b_turn, lanes, bits)),
            self.mask.eq(
                _rotated(Cat(~self.b_one_channel | (self.columns > n) for n in range(lanes)), self.b_turn, lanes, 1)
            ),
        ]
        return m


def _rotated(word: Value, turn: Value, lanes: int, bits: int) -> Value:
    """By one lane for each step of `turn`."""
    for step in range((lanes - 1).bit_length()):
        word = Mux(turn[step], word.rotate_left(bits << step), word)
    return word
