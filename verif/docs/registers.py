"""The page of the register map.  ``python -m verif.docs.registers`` writes it."""

from collections.abc import Iterator

from hw.bus.registers import REGISTERS, Register
from verif.docs.console import ROOT

PAGE = ROOT / "docs/registers.md"
HEAD = """\
# Registers
A host controls an engine on AXI or Wishbone through these registers of 32 bits. The map is the same on both buses. It
is declared in `hw/bus/registers.py`, and `python -m verif.docs.registers` writes this page from it.

- Addresses count bytes. On Wishbone `adr` counts registers: address / 4.
- Bits without a field are 0 when read, and ignored when written.
- An error response (`err`, SLVERR) answers an access that is not in the table, and a write of single bytes.

## A run
1. Read `version` and `engine`: the digest must be that in the program's header.
2. Write the address and length of program, inputs and outputs. They stay until they are written again.
3. Write 1 to `start`.
4. Wait until `done` is 1, or for the interrupt (`irq`). Then read `error`.

The program's length is in its header. The inputs of a network lie one after the other, each from a new bus word on; so
do its outputs. Lengths count whole bus words. The master reads no word outside the ranges, and writes none.

A length that is not right ends the run with an error. The bus knows when the engine asks for a word behind a range's
last one, and when it leaves words.

A program that was damaged may never end. The host should have a time limit and write 1 to `stop`. The engine is as new
at the next start.

## Registers
| address | register | access | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    return HEAD + "".join(f"{row}\n" for row in _rows())


def _rows() -> Iterator[str]:
    for register in REGISTERS:
        whole = "".join(field.meaning for field in register.fields if len(register.fields) == 1)
        yield f"| 0x{register.address:02x} | `{register.name}` | {register.access.value} | {whole} |"
    for register in REGISTERS:
        if len(register.fields) > 1:
            yield from _fields(register)


def _fields(register: Register) -> Iterator[str]:
    yield from ("", f"## `{register.name}`", "| field | bit | bits | meaning |", "|---|---|---|---|")
    for field in register.fields:
        yield f"| `{field.name}` | {field.bit} | {field.bits} | {field.meaning} |"
    for field in register.fields:
        if field.values:
            yield from ("", f"| `{field.name}` | name | meaning |", "|---|---|---|")
            yield from (f"| {value:d} | {value.name} | {meaning} |" for value, meaning in field.values.items())


if __name__ == "__main__":
    PAGE.write_text(page())
