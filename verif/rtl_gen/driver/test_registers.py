"""The register map in C and Python says what the table says."""

import re

from hw.bus.registers import MAP_VERSION, REGISTERS
from rtl_gen.driver import tables
from rtl_gen.driver.c_header import c_header


def test_the_c_header_is_the_table() -> None:
    found = {name: int(value, 0) for name, value in re.findall(r"^#define (\w+) (\w+?)u?(?: |$)", c_header(), re.M)}
    expected = {"STLQ_MAP_VERSION": MAP_VERSION}
    for register in REGISTERS:
        name = f"STLQ_{register.name.upper()}"
        expected[name] = register.address
        for field in register.fields:
            if field.bits < 32:
                label = f"{name}_{field.name.upper()}"
                expected |= {f"{label}_MASK": field.mask, f"{label}_BIT": field.bit}
                expected |= {f"{label}_{value.name}": int(value) for value in field.values}
    assert found == expected
    assert len(found) == 1 + 14 + 2 * 10 + 8 + 6


def test_the_python_tables_are_the_table() -> None:
    assert {register.name: register.address for register in REGISTERS} == tables.ADDRESSES
    for register in REGISTERS:
        for field in register.fields:
            bit, bits = tables.FIELDS[register.name, field.name]
            assert ((1 << bits) - 1) << bit == field.mask
            assert tables.MEANINGS.get((register.name, field.name), {}) == field.values
