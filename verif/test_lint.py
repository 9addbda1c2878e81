"""Style, types, and who may import whom: what `make lint` checks."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKS = ("ruff check .", "ruff format --check .", "pyright", "lint-imports")


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_found(check: str) -> None:
    program, *options = check.split()
    command = [Path(sysconfig.get_path("scripts")) / program, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
