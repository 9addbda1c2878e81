"""A FuseSoC core file (CAPI2): https://fusesoc.readthedocs.io/en/stable/ref/capi2.html"""

from collections.abc import Sequence
from importlib import metadata

from rtl_gen.cores import bench
from rtl_gen.engine_build import PROGRAM_HEX

HEAD = """\
CAPI=2:
# A core for FuseSoC, in the folder that has this file:
#   fusesoc --cores-root . run --target lint {name}     lints it with Verilator
#   fusesoc --cores-root . run --target sim {name}      runs an inference in Icarus Verilog, and compares it
name: "::{name}:{version}"
description: "{title}"

filesets:
  rtl:
    files:
{rtl}    file_type: verilogSource
  bench:
    files:
{bench}
targets:
  default: &default
    filesets: [rtl]
    toplevel: {name}
  lint:
    <<: *default
    description: Verilator finds nothing
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
  sim:
    description: an inference is the golden's
    filesets: [rtl, bench]
    toplevel: {bench_top}
    flow: sim
    flow_options:
      tool: icarus
      iverilog_options: [-g2012]
"""


def core_name(name: str) -> str:
    """The core file of a top."""
    return f"{name}.core"


def core_text(name: str, title: str, verilog: Sequence[str], in_file: bool) -> str:
    """The core of a top and its Verilog files; `in_file`: the top reads its program from a file, wherever it goes."""
    program = _data(PROGRAM_HEX)
    rtl = "".join(f"      - {file}\n" for file in verilog) + program * in_file
    data = "".join(_data(file) for file in (bench.INPUTS, bench.OUTPUTS))
    return HEAD.format(
        name=name,
        title=title,
        version=metadata.version("stlq"),
        rtl=rtl,
        bench=f"      - {bench.TEXT}: {{file_type: systemVerilogSource}}\n{program * (not in_file)}{data}",
        bench_top=bench.TOP,
    )


def _data(file: str) -> str:
    """A file that the Verilog reads from the folder where it runs."""
    return f"      - {file}: {{file_type: user, copyto: {file.split('/')[-1]}}}\n"
