"""The C driver as a library that Python calls."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.engine.config import EngineConfig
from rtl_gen.bus_build import driver_files
from rtl_gen.driver.interface import interface_of
from sw_ref.network import Network

FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
CLANG = (sys.executable, "-m", "ziglang", "cc")
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
NO_ENGINE, NO_PROGRAM, WRONG_ENGINE, TIME_OUT = range(16, 20)


class Bus(ctypes.Structure):
    """`stlq_bus`."""

    _fields_ = (("read", READ), ("write", WRITE), ("user", ctypes.c_void_p))


class Span(ctypes.Structure):
    """`stlq_range`."""

    _fields_ = (("address", ctypes.c_uint64), ("length", ctypes.c_uint32))


class Tensor(ctypes.Structure):
    """`stlq_tensor`."""

    _fields_ = (
        ("offset", ctypes.c_uint32),
        ("codes", ctypes.c_uint32),
        ("step", ctypes.c_float),
        ("zero", ctypes.c_int32),
    )


def write_driver(folder: Path, config: EngineConfig, network: Network, program_bytes: int) -> Path:
    """The folder that `compile` leaves."""
    for name, content in driver_files(interface_of(config, network, program_bytes)).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "driver"


def build(folder: Path, *arguments: str, compiler: tuple[str, ...] = ("gcc",)) -> None:
    """Run a compiler on files of the driver; a warning is an error.  Skips if there is no such compiler."""
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"there is no {compiler[0]}")
    command = [*compiler, *FLAGS, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{' '.join(command)}\n{done.stderr}"


def load_driver(folder: Path) -> ctypes.CDLL:
    """The driver of a folder, compiled."""
    build(folder, "-shared", "-fPIC", "-o", "driver.so", "stlq.c")
    library = ctypes.CDLL(str(folder / "driver.so"))
    bus, tensor = ctypes.POINTER(Bus), ctypes.POINTER(Tensor)
    library.stlq_start.argtypes = [bus, Span, Span, Span, ctypes.c_int]
    library.stlq_quantize.argtypes = [ctypes.c_float, ctypes.c_float, ctypes.c_int32, ctypes.c_uint16]
    library.stlq_quantize.restype = ctypes.c_uint16
    library.stlq_code.argtypes = [ctypes.c_int32, ctypes.c_int32, ctypes.c_uint16]
    library.stlq_code.restype = ctypes.c_uint16
    library.stlq_dequantize.argtypes = [ctypes.c_uint16, ctypes.c_float, ctypes.c_int32]
    library.stlq_dequantize.restype = ctypes.c_float
    library.stlq_put.argtypes = [ctypes.c_void_p, tensor, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint16]
    library.stlq_get.argtypes = [ctypes.c_void_p, tensor, ctypes.c_void_p, ctypes.c_uint32]
    library.stlq_message.restype = library.stlq_program_message.restype = ctypes.c_char_p
    library.stlq_cycles.restype = library.stlq_program_length.restype = ctypes.c_uint32
    return library
