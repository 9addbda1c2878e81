"""Model files with damaged bytes: refused, or still a consistent model."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_ref.model import ModelError, StlqTensor, load_model, save_model
from verif.sw_ref.test_model import model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "q"
    save_model(path, model())
    return path


FUZZ = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _load(folder: Path, data: bytes) -> dict[str, StlqTensor] | None:
    """The model that the bytes hold, or None if they are refused; any other error is a failure."""
    path = folder / "damaged"
    path.write_bytes(data)
    try:
        return load_model(path)
    except ModelError as error:
        message = str(error)
    assert message
    assert "\n" not in message
    return None


@FUZZ
@given(data=st.data())
def test_every_truncation_is_refused(data: st.DataObject, saved: Path) -> None:
    whole = saved.read_bytes()
    length = data.draw(st.integers(0, len(whole) - 1))
    assert _load(saved.parent, whole[:length]) is None


@FUZZ
@given(data=st.data())
def test_flipped_bits_are_refused_or_still_a_consistent_model(data: st.DataObject, saved: Path) -> None:
    damaged = bytearray(saved.read_bytes())
    header = 8 + int.from_bytes(damaged[:8], "little")
    reach = data.draw(st.sampled_from([8, header, len(damaged)]))
    for place in data.draw(st.lists(st.integers(0, reach * 8 - 1), min_size=1, max_size=4)):
        damaged[place // 8] ^= 1 << place % 8
    for tensor in (_load(saved.parent, bytes(damaged)) or {}).values():
        assert np.isfinite(tensor.dequantize()).all()


@FUZZ
@given(data=st.data())
def test_replaced_and_inserted_bytes_are_refused_or_still_a_consistent_model(data: st.DataObject, saved: Path) -> None:
    whole = saved.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(start + 40, len(whole))))
    damaged = whole[:start] + data.draw(st.binary(max_size=40)) + whole[stop:]
    for tensor in (_load(saved.parent, damaged) or {}).values():
        assert np.isfinite(tensor.dequantize()).all()


@FUZZ
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes, saved: Path) -> None:
    assert _load(saved.parent, data) is None
