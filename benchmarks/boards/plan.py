"""The networks on boards: what each is converted and compiled with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.networks import tiny
from rtl_gen.boards import BOARDS, Board
from rtl_gen.commands import Commands
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.report import Report

FOLDER = tiny.ROOT / "build/boards"


@dataclass(frozen=True, kw_only=True)
class Design:
    """A network of MLPerf Tiny on a board, with the options of its commands."""

    board: Board
    network: str
    convert: str
    compile: str
    board_options: str = ""

    @property
    def build(self) -> Path:
        """The folder that `compile` writes."""
        return FOLDER / self.board.name / "build"

    def make(self) -> Report:
        """The three commands, from the float network to the bitstream; each is printed before it runs.

        Raises :class:`UsageError` if the networks are absent, and as the commands do.
        """
        file, stlq = tiny.find(self.network)[self.network], Commands(say=lambda line: print(line, flush=True))
        folder = self.build.parent
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = import_onnx(file).inputs
        data = folder / "calibration.npz"
        np.savez(data, allow_pickle=False, **{port.name: tiny.inputs_of(self.network, file, port.shape)})
        converted = folder / f"{self.network}.safetensors"
        stlq("convert", file, "--calibrate", data, *self.convert.split(), "--out", converted)
        stlq("compile", converted, *self.compile.split(), "--out", self.build)
        return stlq("board", self.build, "--board", self.board.name, *self.board_options.split())


DESIGNS = {
    design.board.name: design
    for design in (
        # The UP5K is nearly full: without second words, and with a small depth, sums have fewer bits.
        Design(
            board=BOARDS["icebreaker"],
            network="keyword_spotting",
            convert="--bits 3 --ratio 0 --residual-shift 0 --tile 4x4",
            compile="--for ice40 --pipeline 1 --memory-ports 1 --memory-words 16384 --requant-lanes 1 --depth 32 "
            "--mhz 12",
            board_options="--seed 2",  # with 1, the router tries the same connections for ever
        ),
        Design(
            board=BOARDS["ulx3s"],
            network="resnet8",
            convert="--bits 3 --ratio 0 --tile 8x8",
            compile="--for ecp5 --mhz 25",
        ),
    )
}
