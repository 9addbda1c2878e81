"""The register map as dictionaries, and what of the Python driver a build gets: files without this project."""

from importlib.resources import files
from pprint import pformat
from typing import Any

from hw.bus import registers
from hw.bus.registers import REGISTERS

_FIELDS = [((register.name, field.name), field) for register in REGISTERS for field in register.fields]

MAP_VERSION: int = registers.MAP_VERSION
ADDRESSES: dict[str, int] = {register.name: register.address for register in REGISTERS}
"""Of registers, in bytes."""
FIELDS: dict[tuple[str, str], tuple[int, int]] = {name: (field.bit, field.bits) for name, field in _FIELDS}
"""First bit and number of bits, by register and field."""
MEANINGS: dict[tuple[str, str], dict[int, str]] = {
    name: {int(value): text for value, text in field.values.items()} for name, field in _FIELDS if field.values
}
"""Of values, by register and field."""

TABLES: dict[str, Any] = {
    "MAP_VERSION": MAP_VERSION,
    "ADDRESSES": ADDRESSES,
    "FIELDS": FIELDS,
    "MEANINGS": MEANINGS,
}
IMPORT = f"from rtl_gen.driver.tables import {', '.join(sorted(TABLES))}\n"
ROOM = "from rtl_gen.driver."


def python_driver() -> str:
    """The driver's text; the tables stand where it imports them.

    >>> "rtl_gen" in python_driver(), "\\nMAP_VERSION = 1\\n" in python_driver()
    (False, True)
    """
    tables = "".join(f"{name} = {pformat(table, width=120, sort_dicts=False)}\n" for name, table in TABLES.items())
    before, after = _text("stlq.py").split(IMPORT)
    return before + tables + after


def beside_driver(name: str) -> str:
    """The text of a file that imports the driver, which lies beside it in a build.

    >>> "from stlq_serial import SerialEngine" in beside_driver("example_serial.py")
    True
    """
    return _text(name).replace(ROOM, "from ")


def _text(name: str) -> str:
    return (files("rtl_gen.driver") / name).read_text()
