"""A place for the files that tests make."""

from functools import partial
from pathlib import Path

import pytest

from verif.rtl_gen.frontend.models import Make, write_model


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`write_model` into a file of this test's own."""
    return partial(write_model, tmp_path / "net.onnx")
