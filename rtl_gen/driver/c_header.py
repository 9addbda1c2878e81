"""The register map as a C header."""

from collections.abc import Iterator

from hw.bus.registers import MAP_VERSION, REGISTERS, Field, Register

GUARD = "STLQ_REGISTERS_H"
HEAD = f"""\
/* Registers of an STLQ engine on a bus; docs/registers.md explains them. Addresses count bytes. */
#ifndef {GUARD}
#define {GUARD}
"""


def c_header() -> str:
    """For each register its address; for each field its mask and first bit; the values that have names, their messages.

    >>> [line for line in c_header().splitlines() if "STATUS_DONE" in line]
    ['#define STLQ_STATUS_DONE_MASK 0x00000002u', '#define STLQ_STATUS_DONE_BIT 1']
    """
    lines = [line for register in REGISTERS for line in _register(register)]
    return "\n".join([HEAD, f"#define STLQ_MAP_VERSION {MAP_VERSION}u", *lines, "", "#endif", ""])


def _register(register: Register) -> Iterator[str]:
    name = f"STLQ_{register.name.upper()}"
    yield f"#define {name} 0x{register.address:02x}u /* {register.access.value} */"
    for field in register.fields:
        if field.bits < 32:
            yield from _field(f"{name}_{field.name.upper()}", field)


def _field(name: str, field: Field) -> Iterator[str]:
    yield f"#define {name}_MASK 0x{field.mask:08x}u"
    yield f"#define {name}_BIT {field.bit}"
    for value in field.values:
        yield f"#define {name}_{value.name} {value:d}u"
    if field.values:
        # Values count from 0, so a message's index is its value.
        lines = "".join(f' \\\n    "{field.values[value]}",' for value in range(len(field.values)))
        yield f"#define {name}_MESSAGES {{{lines} \\\n}}"
