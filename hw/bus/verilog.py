"""The Verilog text of the tops around an engine."""

from types import SimpleNamespace
from typing import Any

from hw.bus.config import BusConfig
from hw.bus.rom_config import RomConfig, Source
from hw.bus.rom_memory import RomWords, rom_words_module, rom_words_signature
from hw.bus.rom_top import RomTop, rom_signature
from hw.bus.top import Top, top_signature
from hw.component import Component, Modules
from hw.engine.engine import Engine
from hw.engine.layouts import engine_signature
from hw.ports import ports_of
from hw.verilog import verilog

APART = {
    Engine: lambda config: (engine_signature(config), config.name),
    RomWords: lambda config: (rom_words_signature(config), rom_words_module(config)),
}
"""What has a Verilog file, or a text, of its own: its signature and its module."""
ROM_WORDS = """\

module {name}(address, clk, rst, word, read);
  input [{address_high}:0] address;
  input clk;
  input rst;
  output reg [{high}:0] word;
  input read;
  reg [{high}:0] words [0:{last}];
  initial $readmemh("{file}", words);
  always @(posedge clk) if (read) word <= words[address];
endmodule
"""


class _Around(Modules):
    """All modules but those of parts with a Verilog of their own."""

    def add(self, kind: type[Component], *parameters: Any) -> Any:
        if kind not in APART:
            return super().add(kind, *parameters)
        signature, module = APART[kind](*parameters)
        return SimpleNamespace(signature=signature, module=module, clocked=True)


def bus_ports(config: BusConfig) -> list[dict[str, Any]]:
    """Every port of a top; see :func:`hw.ports.ports_of`."""
    return ports_of(top_signature(config))


def bus_verilog(config: BusConfig) -> str:
    """Plain Verilog-2005 of the top and its parts, without the engine, which it instantiates by its name.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    modules = _Around()
    modules.add(Top, config)
    return verilog(modules)


def rom_ports(config: RomConfig) -> list[dict[str, Any]]:
    """Every port of a top with its program; see :func:`hw.ports.ports_of`."""
    return ports_of(rom_signature(config))


def rom_verilog(config: RomConfig, file: str) -> str:
    """Plain Verilog-2005 of such a top, without the engine.  A program in block RAM is in `file`, for `$readmemh`.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    modules = _Around()
    modules.add(RomTop, config)
    text = verilog(modules)
    if config.source is Source.FLASH:
        return text
    return text + ROM_WORDS.format(
        name=rom_words_module(config),
        address_high=max((len(config.program) - 1).bit_length(), 1) - 1,
        high=config.bus_bits - 1,
        last=len(config.program) - 1,
        file=file,
    )
