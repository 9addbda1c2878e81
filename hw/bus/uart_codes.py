"""Inputs and outputs of an engine as bytes."""

from amaranth import Cat, Module, Signal
from amaranth.lib import fifo, stream
from amaranth.lib.wiring import In, Out, connect

from hw.bus.rom_config import RomConfig
from hw.bus.uart_transmitter import UartTransmitter
from hw.component import Component, instantiate
from hw.engine.layouts import outputs_layout

WORDS = 256  # bus words of inputs that may come before the engine takes them
GREETING = 4  # bytes of the engine's digest, which leave first after a reset


class UartCodes(Component):
    """Bytes to bus words and back, each word's lowest byte first.

    After a reset it first sends the engine's digest, so a host knows who will answer.

    Members
    -------
    data : In(8), valid : In(1)
        A byte has come, in this cycle alone.
    tx : Out(1)
        The line to the host.
    inputs : Out(stream), outputs : In(stream)
        The engine's.
    overrun : Out(1)
        A word came for which there was no room. It is lost, so this stays 1 until a reset.
    """

    def __init__(self, config: RomConfig):
        self._config = config
        members = {
            "data": In(8),
            "valid": In(1),
            "tx": Out(1),
            "inputs": Out(stream.Signature(config.bus_bits)),
            "outputs": In(stream.Signature(outputs_layout(config.engine))),
            "overrun": Out(1),
        }
        super().__init__(members, module=f"{config.name}_uart_codes")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._inputs(m)
        self._outputs(m, platform)
        return m

    def _inputs(self, m: Module) -> None:
        count = self._config.word_bytes
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=self._config.bus_bits, depth=WORDS)
        word, index, whole = Signal(self._config.bus_bits), Signal(range(count)), Signal()
        m.d.sync += whole.eq(self.valid & (index == count - 1))
        with m.If(self.valid):
            m.d.sync += [word.eq(Cat(word[8:], self.data)), index.eq(index + 1)]
        with m.If(whole & ~queue.w_rdy):
            m.d.sync += self.overrun.eq(1)
        m.d.comb += [
            queue.w_data.eq(word),
            queue.w_en.eq(whole),
            self.inputs.payload.eq(queue.r_data),
            self.inputs.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.inputs.ready),
        ]

    def _outputs(self, m: Module, platform: object) -> None:
        count = self._config.word_bytes
        config = self._config
        transmitter = instantiate(m, platform, "transmitter", UartTransmitter, config.divisor, config.name)
        sent = stream.Signature(8).create()
        # What a reset leaves there is sent like a word of outputs.
        word = Signal(max(config.bus_bits, 8 * GREETING), init=config.engine.digest)
        left = Signal(range(max(count, GREETING) + 1), init=GREETING)
        m.d.comb += [
            self.tx.eq(transmitter.tx),
            self.outputs.ready.eq(left == 0),
            sent.payload.eq(word[:8]),
            sent.valid.eq(left != 0),
        ]
        connect(m, sent, transmitter.bytes)
        with m.If(self.outputs.ready & self.outputs.valid):
            m.d.sync += [word.eq(self.outputs.payload.codes), left.eq(count)]
        with m.If(sent.valid & sent.ready):
            m.d.sync += [word.eq(word[8:]), left.eq(left - 1)]
