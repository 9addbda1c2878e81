"""Options and fixtures of all tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from verif.hw.configs import SHARED
from verif.hw.simulator import SIMULATORS

# Tests simulate little: without optimization a Verilator bench compiles in half the time.
MAKE_QUICKLY = "OPT_FAST=-O0 OPT_GLOBAL=-O0"

PLACES = ("HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="stlq-")
        config.add_cleanup(folder.cleanup)
        os.environ[SHARED] = folder.name
    os.environ["MAKEFLAGS"] = f"{os.environ.get('MAKEFLAGS') or '--'} {MAKE_QUICKLY}"
    # Verilator's own library is the same for every bench: with ccache it is compiled once.
    if shutil.which("ccache"):
        os.environ["OBJCACHE"] = "ccache"
        os.environ.setdefault("CCACHE_DIR", str(Path(__file__).parent.parent / "build" / "ccache"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sim", choices=SIMULATORS, default="icarus", help="simulator of the cocotb benches")
    parser.addoption("--seed", type=int, default=1, help="seed of the cocotb benches")


@pytest.fixture(autouse=True)
def places() -> Iterator[None]:
    """No test leaves other places to the next one: with a cache elsewhere Yosys would compile itself again."""
    before = [os.environ.get(name) for name in PLACES]
    yield
    assert [os.environ.get(name) for name in PLACES] == before


@pytest.fixture(scope="session")
def simulator(request: pytest.FixtureRequest) -> str:
    """The simulator of the cocotb benches."""
    return str(request.config.getoption("--sim"))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the cocotb benches."""
    return int(str(request.config.getoption("--seed")))
