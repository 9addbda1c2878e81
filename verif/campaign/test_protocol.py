"""The verdict on the bus tops' proofs; `python -m verif.campaign protocol` makes them."""

from contextlib import nullcontext
from typing import Any
from unittest.mock import Mock

import pytest

from hw.bus.config import Bus
from verif.campaign import protocol


@pytest.mark.parametrize(
    ("answers", "ok"),
    [
        ((True, True, False, False), True),
        ((True, False, False, False), False),
        ((True, True, False, True), False),
    ],
    ids=["all as it should be", "a right top is refused", "a broken one is not"],
)
def test_right_tops_hold_and_broken_ones_do_not(
    answers: tuple[bool, ...], ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault: Any = Mock(planted=nullcontext)
    monkeypatch.setattr(protocol, "BROKEN", dict.fromkeys("abc", (Bus.AXI, fault)))
    monkeypatch.setattr(protocol, "bus_verilog", lambda config: config.name)
    monkeypatch.setattr(protocol, "holds", Mock(side_effect=answers))
    result = protocol.run(2, 1)
    assert (result["ok"], result["proofs"], result["broken"]) == (ok, 2, 2)


def test_every_fault_has_a_top_that_it_breaks() -> None:
    assert len(protocol.BROKEN) == protocol.COUNT == 12
    assert {bus for bus, _ in protocol.BROKEN.values()} == set(Bus)
