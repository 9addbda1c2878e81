"""What a stranger needs to know of a generated file: what it is, how it was made, and what its ports carry."""

import re
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from hw.config import ArrayConfig

ORDER = ("clk", "rst", "tiles", "acts", "sums")
WAIVERS = {
    "DECLFILENAME": "the file has several modules",
    "WIDTH": "sums are as wide as what is kept, operands may be narrower; `!` of a vector asks whether it is 0",
    "UNUSEDSIGNAL": "carries that are cut off, and bits that a part does not need, stay named",
    "PROCASSINIT": "registers have initial values, which FPGAs load and others ignore",
}
HEADER = """\
// {size}: multiply-accumulate without multipliers, weights of one or two signed powers of two.
//
// Made by stlq {version} with:
//   {command}
// {manifest} beside it lists every port and field. What the generator writes belongs to whoever runs it.
//
{ports}//
// Each stream moves at a rising edge of clk with valid and ready both 1. rst is synchronous, active high.
// `verilator --lint-only -Wall` finds nothing but what is waived here:
{waivers}"""


def with_header(verilog: str, config: ArrayConfig, ports: Sequence[dict[str, Any]], manifest: str) -> str:
    """The file: the header, then the modules, the top module's ports in their documented order."""
    header = HEADER.format(
        size=f"{config.size[0].upper()}{config.size[1:]}",
        version=metadata.version("stlq"),
        command=command_line(config),
        manifest=manifest,
        ports="".join(f"//   {line}\n" for line in _port_lines(config, ports)),
        waivers="".join(f"// verilator lint_off {rule}\n//   {reason}\n" for rule, reason in WAIVERS.items()),
    )
    return f"{header}\n{_in_order(verilog, config.name)}"


def command_line(config: ArrayConfig) -> str:
    """The command that makes this array again, wherever it goes."""
    flags = {name: value for name, value in config.to_dict().items() if name != "act_signed"}
    options = [f"--{name.replace('_', '-')} {value}" for name, value in flags.items()]
    unsigned = [] if config.format.act_signed else ["--act-unsigned"]
    return " ".join(["stlq", *options, *unsigned, "--out FOLDER"])


def _port_lines(config: ArrayConfig, ports: Sequence[dict[str, Any]]) -> list[str]:
    """Every port with its direction and width; after a payload's, what its bits are."""
    fmt = config.format
    words = f"word of PE p, lane l at bit (p * {config.lanes} + l) * {fmt.bits}"
    flags = f"two_word at bit {config.words_per_beat * fmt.bits}, last at bit {config.words_per_beat * fmt.bits + 1}"
    sign = "signed" if fmt.act_signed else "unsigned"
    meanings = {
        "tiles__payload": f"{words}; {flags}",
        "acts__payload": f"lane l of pixel x at bit (x * {config.lanes} + l) * {fmt.act_bits}, {sign}",
        "sums__payload": f"PE p of pixel x at bit (x * {config.pe} + p) * {config.acc_bits}, signed",
    }
    lines = []
    for port in sorted(ports, key=lambda port: _place(port["name"])):
        lines.append(f"{port['name']:15} {port['direction']:7}{port['width']:6} bits".replace(" 1 bits", " 1 bit"))
        if port["name"] in meanings:
            lines.append(f"  {meanings[port['name']]}")
    return lines


def _place(port: str) -> tuple[int, int]:
    stream, _, signal = port.partition("__")
    return ORDER.index(stream), ("", "valid", "ready", "payload").index(signal)


def _in_order(verilog: str, top: str) -> str:
    """The Verilog with the top module's ports in the order of the documents."""

    def sort(found: re.Match[str]) -> str:
        return f"module {top}({', '.join(sorted(found[1].split(', '), key=_place))});"

    return re.sub(rf"^module {top}\((.*)\);", sort, verilog, count=1, flags=re.MULTILINE)
