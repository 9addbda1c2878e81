"""The register map: each bit of each register once, and what derives from the table."""

from itertools import combinations

import pytest

from hw.bus.config import Bus, BusConfig
from hw.bus.registers import MAP_BYTES, REGISTERS, STATUS, Field, RunError, field_of, unpack
from verif.hw.engine.bench import CONFIG


def test_addresses_are_apart_and_in_order() -> None:
    addresses = [register.address for register in REGISTERS]
    assert addresses == sorted(set(addresses))
    assert all(address % 4 == 0 and address < MAP_BYTES for address in addresses)
    assert len({register.name for register in REGISTERS}) == len(REGISTERS) == 14


def overlap(fields: tuple[Field, ...]) -> bool:
    """Whether two fields share a bit."""
    return any(one.mask & other.mask for one, other in combinations(fields, 2))


def test_fields_are_apart_and_fit() -> None:
    for register in REGISTERS:
        assert not overlap(register.fields), register.name
        for field in register.fields:
            assert field.bit + field.bits <= 32
            assert all(value in range(1 << field.bits) for value in field.values)
    assert overlap((Field(name="a", bit=0, bits=3, meaning=""), Field(name="b", bit=2, bits=1, meaning="")))


def test_every_error_has_a_meaning() -> None:
    assert list(field_of(STATUS, "error").values) == list(RunError)
    assert unpack(STATUS, 0x442) == {"busy": 0, "done": 1, "error": RunError.LENGTH, "engine_error": 4}
    with pytest.raises(KeyError, match="status has no field no"):
        field_of(STATUS, "no")


def test_parameters_that_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^burst_words is 5; allowed: 2, 4, 8, 16, 32 or 64$"):
        BusConfig(engine=CONFIG, bus=Bus.AXI, burst_words=5)
