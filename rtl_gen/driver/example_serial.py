"""One inference on an STLQ engine behind a UART; needs pyserial.

    python example_serial.py PORT BAUD INPUT.npy OUTPUT.npy
    python example_serial.py /dev/ttyUSB1 1000000 image.npy scores.npy

For networks of one input and one output; others have more of both.
"""

import sys
from pathlib import Path

import numpy as np

from rtl_gen.driver.stlq import EngineError, Interface
from rtl_gen.driver.stlq_serial import SerialEngine


def main(name: str, baud: str, given: str, made: str) -> None:
    from serial import Serial

    interface = Interface.read(Path(__file__).parent / "stlq_network.json")
    with Serial(name, int(baud), timeout=0.1) as port:
        (values,) = SerialEngine(port, interface).infer(np.load(given))
    np.save(made, values)
    print(f"the highest of {values.size} outputs is number {values.argmax()}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (EngineError, ImportError, OSError, ValueError) as error:
        sys.exit(f"example: {error}")
