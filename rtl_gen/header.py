"""The header of a generated file, for strangers: its subject, the command that made it, and the fields of its ports."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.errors import CheckError
from rtl_gen.manifest import MANIFEST
from sw_ref.format import parameters_of

WAIVERS = {
    "DECLFILENAME": "the file has several modules",
    "WIDTH": "sums are as wide as what is kept, operands may be narrower; `!` of a vector asks whether it is 0",
    "UNUSEDSIGNAL": "carries that are cut off, and bits that a part does not need, stay named",
    "PROCASSINIT": "registers have initial values, which FPGAs load and others ignore",
}
ENGINE_WAIVERS = {
    "VARHIDDEN": "a signal of a part may have the name of another part",
    "CASEOVERLAP": "cases are in the order of their priority",
}
HEADER = """\
// {title}
//
// Made by stlq {version} with:
//   {command}
// {manifest} beside it {beside}. What the generator writes belongs to whoever runs it.
//
{ports}//
// {rules} rst is synchronous, active high.
// `verilator --lint-only -Wall` finds nothing but what is waived here:
{waivers}"""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The subject of a file: its top module's `name`, the `command` that makes it again, and a `title` of one line.

    `order`: streams and single ports as the documents have them; `meanings`: the bits of payloads by their ports;
    `waivers`: rules of Verilator that the file breaks, and why; `beside`: what the manifest has; `rules` of the ports.
    """

    name: str
    title: str
    command: str
    order: Sequence[str]
    meanings: Mapping[str, str]
    waivers: Mapping[str, str] = field(default_factory=lambda: WAIVERS)
    beside: str = "lists every port and field"
    rules: str = "Each stream moves at a rising edge of clk with valid and ready both 1."

    def place(self, port: str) -> tuple[int, int]:
        """Where a port belongs."""
        if port in self.order:
            return self.order.index(port), 0
        stream, _, signal = port.partition("__")
        return self.order.index(stream), ("", "valid", "ready", "payload").index(signal)


def headed(verilog: Callable[[], str], subject: Subject, ports: Sequence[dict[str, Any]]) -> str:
    """The file: the header, then the modules, the top module's ports in their documented order.

    Raises :class:`CheckError` with what Yosys said, should `verilog` fail to make them.
    """
    try:
        modules = verilog()
    except RuntimeError as error:
        raise CheckError(str(error)) from error
    header = HEADER.format(
        title=subject.title,
        version=metadata.version("stlq"),
        command=subject.command,
        manifest=MANIFEST,
        beside=subject.beside,
        rules=subject.rules,
        ports="".join(f"//   {line}\n" for line in _port_lines(subject, ports)),
        waivers="".join(f"// verilator lint_off {rule}\n//   {reason}\n" for rule, reason in subject.waivers.items()),
    )
    return f"{header}\n{_in_order(modules, subject)}"


def array_subject(config: ArrayConfig) -> Subject:
    """The subject of an array's file."""
    fmt = config.format
    words = f"word of PE p, lane l at bit (p * {config.lanes} + l) * {fmt.bits}"
    flags = f"two_word at bit {config.words_per_beat * fmt.bits}, last at bit {config.words_per_beat * fmt.bits + 1}"
    sign = "signed" if fmt.act_signed else "unsigned"
    values = {name: value for name, value in config.to_dict().items() if name != "act_signed"}
    return Subject(
        name=config.name,
        title=f"{_capital(config.size)}: multiply-accumulate without multipliers, "
        "weights of one or two signed powers of two.",
        command=_command("stlq", values, [] if fmt.act_signed else ["--act-unsigned"]),
        order=("clk", "rst", "tiles", "acts", "sums"),
        meanings={
            "tiles__payload": f"{words}; {flags}",
            "acts__payload": f"lane l of pixel x at bit (x * {config.lanes} + l) * {fmt.act_bits}, {sign}",
            "sums__payload": f"PE p of pixel x at bit (x * {config.pe} + p) * {config.acc_bits}, signed",
        },
    )


def engine_subject(config: EngineConfig) -> Subject:
    """The subject of an engine's file."""
    array, fmt = config.array, config.array.format
    parameters = {**parameters_of(ArrayConfig), **parameters_of(EngineConfig)}
    values = {name: getattr(array if hasattr(array, name) else config, name) for name in parameters}
    flags = [f"--{name}" for name, rule in parameters.items() if rule.values is None and values.pop(name)]
    codes = f"{config.codes_per_transfer} codes, the first one lowest, {config.transfer_bits} bits each"
    return Subject(
        name=config.name,
        title=f"Engine, {array.size}: runs networks of {fmt.bits}-bit words (residual shift "
        f"{fmt.residual_shift}) and {fmt.act_bits}-bit codes, without multipliers.",
        command=_command("stlq compile NETWORK", {**values, "name": config.name}, flags),
        order=("clk", "rst", "program", "inputs", "outputs", "busy", "error"),
        meanings={
            "program__payload": f"a bus word of a program for engine {config.digest:#010x}",
            "inputs__payload": codes,
            "outputs__payload": f"{codes}; last at bit {config.bus_bits}",
            "error": "0, or what was wrong with the program",
        },
        waivers=WAIVERS | ENGINE_WAIVERS,
    )


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _command(program: str, values: Mapping[str, Any], flags: Sequence[str]) -> str:
    """The command line that makes this hardware again, wherever it goes."""
    options = [f"--{name.replace('_', '-')} {value}" for name, value in values.items()]
    return " ".join([program, *options, *flags, "--out FOLDER"])


def _port_lines(subject: Subject, ports: Sequence[dict[str, Any]]) -> list[str]:
    """Every port with its direction and width; after it, what its bits are."""
    room = max(len(port["name"]) for port in ports) + 1
    lines = []
    for port in sorted(ports, key=lambda port: subject.place(port["name"])):
        lines.append(f"{port['name']:{room}} {port['direction']:7}{port['width']:6} bits".replace(" 1 bits", " 1 bit"))
        if port["name"] in subject.meanings:
            lines.append(f"  {subject.meanings[port['name']]}")
    return lines


def _in_order(verilog: str, subject: Subject) -> str:
    """The Verilog with the top module's ports in the order of the documents."""

    def sort(found: re.Match[str]) -> str:
        # Yosys breaks long lines.
        ports = re.split(r"\s*,\s*", found[1])
        return f"module {subject.name}({', '.join(sorted(ports, key=subject.place))});"

    return re.sub(rf"^module {subject.name}\(([^)]*)\);", sort, verilog, count=1, flags=re.MULTILINE)
