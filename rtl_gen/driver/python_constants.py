"""The register map as a Python module."""

from collections.abc import Mapping
from typing import Any

from hw.bus.registers import REGISTERS

HEAD = '"""Registers of an STLQ engine on a bus; docs/registers.md explains them. Addresses count bytes."""\n'


def python_constants() -> str:
    """A module with three dictionaries: `ADDRESSES` of registers, `FIELDS` (first bit, bits), `MEANINGS` of values.

    >>> names = {}
    >>> exec(python_constants(), names)
    >>> names["ADDRESSES"]["status"], names["FIELDS"]["status", "error"], names["MEANINGS"]["status", "error"][2][:5]
    (12, (4, 3), 'start')
    """
    fields = [((register.name, field.name), field) for register in REGISTERS for field in register.fields]
    tables = {
        "ADDRESSES": {register.name: register.address for register in REGISTERS},
        "FIELDS": {name: (field.bit, field.bits) for name, field in fields},
        "MEANINGS": {
            name: {int(v): text for v, text in field.values.items()} for name, field in fields if field.values
        },
    }
    return "\n".join([HEAD, *(_table(name, table) for name, table in tables.items())])


def _table(name: str, table: Mapping[Any, Any]) -> str:
    rows = "".join(f"    {key!r}: {value!r},\n" for key, value in table.items())
    return f"{name} = {{\n{rows}}}\n"
