"""What the build of an engine is refused for when it is opened: every part of its manifest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.engine_build import NETWORK, PROGRAM, PROGRAM_HEX, EngineBuild, load_engine, save_engine
from rtl_gen.errors import UsageError
from sw_ref.format import StlqFormat

CONFIG = EngineConfig(array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4))
CONTENTS = dict.fromkeys((f"{CONFIG.name}.v", NETWORK, PROGRAM, PROGRAM_HEX), b"some")
Change = Callable[[dict[str, Any]], None]


def test_a_build_is_read_as_it_was_written(tmp_path: Path) -> None:
    save_engine(EngineBuild(folder=tmp_path, config=CONFIG, contents=CONTENTS))
    build = load_engine(tmp_path)
    assert (build.config, build.contents) == (CONFIG, CONTENTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["config"].update(bus_bits=64), "derived does not follow from config"),
        (lambda m: m["derived"].update(acc_bits=3), "derived does not follow from config"),
        (lambda m: m["ports"][2].update(width=31), "ports do not follow from config: program__payload"),
        (lambda m: m["ports"][8]["fields"][1].update(offset=0), "ports do not follow from config: outputs__payload"),
        (lambda m: m["ports"][11].update(direction="input"), "ports do not follow from config: busy"),
        (lambda m: m["ports"].pop(), "ports do not follow from config: error"),
        (lambda m: m["ports"].append(m["ports"][0]), "ports do not follow from config: 14 ports; 13 are right"),
        (lambda m: m.update(ports=7), "ports do not follow from config: clk"),
        (lambda m: m["files"].pop(PROGRAM), "files are not "),
        (lambda m: m["files"].update({"../x": "0"}), "files are not "),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    save_engine(EngineBuild(folder=tmp_path, config=CONFIG, contents=CONTENTS))
    file = tmp_path / "manifest.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(UsageError) as error:
        load_engine(tmp_path)
    assert str(error.value).startswith(f"{file} is damaged: {message}")
