"""Yosys inside this process: it says what it refuses, and Ctrl-C ends it."""

import os
import signal
import threading

import pytest

from hw.yosys import run_yosys

EMPTY = "read_rtlil <<rtlil\nmodule \\empty\nend\nrtlil\n"


def test_it_prints_what_a_script_asks_for() -> None:
    assert "module empty();\nendmodule\n" in run_yosys(EMPTY + "write_verilog -noattr")


def test_it_says_what_it_refuses() -> None:
    with pytest.raises(RuntimeError, match="Yosys could not write the Verilog: ERROR: No such command: nothing"):
        run_yosys("nothing")


def test_ctrl_c_ends_it() -> None:
    """The script takes many seconds.  The next run is right again."""
    run_yosys("")
    script = EMPTY + "opt\n" * 200_000
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_yosys(script)
    assert not timer.is_alive()
    test_it_prints_what_a_script_asks_for()
