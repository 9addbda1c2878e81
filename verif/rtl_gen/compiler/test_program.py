"""Programs: the encoder's words mean what went in, and nothing damaged passes."""

import re
from pathlib import Path

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine import encoding
from hw.engine.config import EngineConfig
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import Group, ProgramError, decode, encode
from sw_ref.format import StlqFormat
from verif.rtl_gen.compiler.networks import random_network

PAGE = Path(__file__).parents[3] / "docs" / "program.md"


def engine(bus_bits: int = 32) -> EngineConfig:
    return EngineConfig(
        array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4), requant_lanes=2, bus_bits=bus_bits
    )


def fields(group: Group) -> list[object]:
    words = (group.two_word, group.word1, group.word2)
    arrays = [None if array is None else array.tolist() for array in words]
    if arrays[2] is not None:
        # What a one-word tile's second words are, nobody asks.
        arrays[2] = (group.word2 * group.two_word[:, None, None]).tolist()  # type: ignore[operator,index]
    return [group.tiles, group.idle, arrays, list(group.scales), list(group.offsets)]


@pytest.mark.parametrize("bus_bits", [16, 32, 64, 512])
def test_decode_is_the_inverse_of_encode(bus_bits: int) -> None:
    config = engine(bus_bits)
    jobs = lower(random_network(config, np.random.default_rng(1)), config)
    words = encode(config, jobs)
    assert max(words) < 1 << bus_bits
    decoded = list(decode(config, words))
    assert len(decoded) == len(jobs)
    for before, after in zip(jobs, decoded, strict=True):
        assert (before.fields, list(before.steps)) == (after.fields, list(after.steps))
        assert list(map(fields, before.groups)) == list(map(fields, after.groups))


def test_a_changed_word_is_found() -> None:
    config = engine()
    words = encode(config, lower(random_network(config, np.random.default_rng(2)), config))
    rng = np.random.default_rng(3)
    for at in rng.integers(0, len(words), 200).tolist():
        damaged = list(words)
        damaged[at] ^= 1 << int(rng.integers(32))
        with pytest.raises(ProgramError):
            list(decode(config, damaged))


def test_another_engine_is_refused() -> None:
    config = engine()
    words = encode(config, lower(random_network(config, np.random.default_rng(2)), config))
    with pytest.raises(ProgramError, match=r"^engine is 0x"):
        list(decode(EngineConfig(array=config.array, requant_lanes=4), words))


def test_header_by_hand() -> None:
    words = encode(engine(), [])
    assert words[0].to_bytes(4, "little") == b"STLQ"
    assert words[1] == 2
    assert words[3] == 4 * len(words) == 4 * (4 + 1 + 14 + 1)


@pytest.mark.parametrize("name", ["HEADER", "JOB", "STEP", "GROUP", "TERM"])
def test_the_page_has_every_field(name: str) -> None:
    """docs/program.md says where each field is; by their names the tables have no two in common."""
    rows = re.findall(r"^\| `(\w+)` \| (?:(\d+) \| )?(\d+)( signed)? \|", PAGE.read_text(), re.M)
    offset = 0
    for field, rule in getattr(encoding, name).items():
        assert (field, str(offset), str(rule.bits), " signed" * rule.signed) in rows
        offset += rule.bits
