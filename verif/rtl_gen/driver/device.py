"""A file that looks like `/dev/mem` with an engine in it: a thread does what the engine would."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.bus.registers import CONTROL, CYCLES, ENGINE, MAP_VERSION, RANGES, STATUS, VERSION, Range, RunError
from rtl_gen.driver.stlq import Interface
from sw_ref.network import Network, execute

REGISTERS, MEMORY, BYTES = 0x10000, 0x20000, 0x30000
SECONDS = 20


def idle_device(path: Path, interface: Interface) -> NDArray[np.uint8]:
    """One that never answers: all its bytes."""
    path.write_bytes(bytes(BYTES))
    memory = np.memmap(path, np.uint8, "r+")
    registers = memory[REGISTERS : REGISTERS + 128].view(np.uint32)
    registers[VERSION.address // 4], registers[ENGINE.address // 4] = MAP_VERSION, interface.digest
    return memory


@contextmanager
def device(
    path: Path, network: Network, interface: Interface, program: bytes, error: RunError = RunError.NONE
) -> Iterator[list[bool]]:
    """Answers one run as the golden does, or ends it with an error.

    What it gives tells at the end whether there was a run, and whether program and ranges were right.
    """
    memory = idle_device(path, interface)
    registers = memory[REGISTERS : REGISTERS + 128].view(np.uint32)
    found = list[bool]()

    def serve() -> None:
        end = time.monotonic() + SECONDS
        while not registers[CONTROL.address // 4] & 1:
            if time.monotonic() > end:
                return
            time.sleep(1e-3)
        spans = [registers[(RANGES + 16 * which) // 4 :][:3].tolist() for which in Range]
        parts = [memory[low : low + length] for low, _, length in spans]
        found.append(parts[Range.PROGRAM].tobytes() == program)
        found.append([high for _, high, _ in spans] == [0, 0, 0])
        found.append([length for *_, length in spans[1:]] == [interface.inputs_bytes, interface.outputs_bytes])
        parts[Range.OUTPUTS][:] = _outputs(network, interface, parts[Range.INPUTS])
        registers[CYCLES.address // 4] = 12345
        registers[STATUS.address // 4] = 2 | error << 4

    thread = threading.Thread(target=serve)
    thread.start()
    yield found
    thread.join()


def _outputs(network: Network, interface: Interface, inputs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    codes = {p.name: inputs[p.offset : p.offset + p.codes].reshape(1, *p.shape) for p in interface.inputs}
    golden = execute(network, {name: value.astype(np.int64) for name, value in codes.items()})
    made = np.zeros(interface.outputs_bytes, np.uint8)
    for place in interface.outputs:
        made[place.offset : place.offset + place.codes] = golden[place.name].ravel()
    return made
