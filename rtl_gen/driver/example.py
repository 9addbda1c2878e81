"""One inference on an STLQ engine, on Linux.

    python example.py DEVICE REGISTERS MEMORY PROGRAM INPUT.npy OUTPUT.npy
    python example.py /dev/mem 0x43c00000 0x18000000 program.bin image.npy scores.npy

REGISTERS and MEMORY are physical addresses: of the engine, and of memory that Linux leaves alone. For networks of one
input and one output; others have more of both.
"""

import sys
from pathlib import Path

import numpy as np

from rtl_gen.driver.stlq import Engine, EngineError, Interface, MappedMemory, MappedRegisters


def main(device: str, registers: str, memory: str, program: str, given: str, made: str) -> None:
    here, code = Path(__file__).parent, Path(program).read_bytes()
    interface = Interface.read(here / "stlq_network.json")
    size = len(code) + interface.inputs_bytes + interface.outputs_bytes + 4096
    reserved = MappedMemory(device, int(memory, 0), size)
    engine = Engine(MappedRegisters(device, int(registers, 0)), reserved.allocate, code, interface)
    (values,) = engine.infer(np.load(given))
    np.save(made, values)
    print(f"{engine.cycles:,} cycles; the highest of {values.size} outputs is number {values.argmax()}")


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (EngineError, OSError, ValueError, OverflowError, MemoryError) as error:
        sys.exit(f"example: {error}")
