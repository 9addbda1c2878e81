"""Damaged files for every reader: it must give a result or one clear line, quickly, in little memory."""

import contextlib
import io
import json
import resource
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from rtl_gen import cli
from rtl_gen.manifest import MANIFEST
from sw_ref.format import StlqFormat
from sw_ref.model import save_model
from sw_ref.network import NetworkError, load_network, save_network
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tensorfile import write_tensors
from verif.campaign.damage import damaged
from verif.campaign.record import ROOT
from verif.sw_ref.network.random_network import random_network

SUMMARY = "damaged files for every reader: no crash, no hang, no huge allocation, one clear line"
COUNT = 4000  # files of each kind
SECONDS, MEBIBYTES = 10, 512
KINDS = ("model", "network", "manifest", "npy", "npz", "deflated", "inner", "safetensors", "onnx")
MODEL = "q.safetensors"
FORMAT = StlqFormat(bits=2, act_bits=2)
EXTENSIONS = {"model": "safetensors", "network": "safetensors", "deflated": "npz", "inner": "npz"}


class HangError(BaseException):
    """A reader took longer than ``SECONDS``.  Not an ``Exception``, so no reader can take it for damage."""


def write_good(kind: str, path: Path) -> None:
    """A small file of a kind that its reader accepts."""
    rng = np.random.default_rng(1)
    arrays = {"fc": rng.normal(size=(6, 5)).astype(np.float32), "conv": rng.normal(size=(4, 3, 2, 2))}
    if kind == "model":
        generate(path.parent)
        write_model(path)
    elif kind == "network":
        save_network(path, random_network(3, nodes=12, codes_max=100))
    elif kind == "manifest":
        generate(path.parent)
        write_model(path.with_name(MODEL))
    elif kind in ("npy", "inner"):
        np.save(path.with_suffix(".npy"), arrays["fc"])
        path.with_suffix(".npy").replace(path)
    elif kind in ("npz", "deflated"):
        (np.savez if kind == "npz" else np.savez_compressed)(path, fc=arrays["fc"], conv=arrays["conv"])
    elif kind == "safetensors":
        write_tensors(path, arrays, {"made": "by hand"})
    else:
        node = helper.make_node("Gemm", ["x", "fc"], ["y"], transB=1)
        graph = helper.make_graph([node], "net", [], [], [numpy_helper.from_array(arrays["fc"], "fc")])
        onnx.save(helper.make_model(graph), path)


def write_model(path: Path) -> None:
    """A small quantized model for the array of :func:`generate`."""
    rng = np.random.default_rng(1)
    shapes = {"fc": (3, 2), "conv": (2, 1, 2, 2)}
    save_model(path, {name: quantize_tensor(rng.normal(size=s), FORMAT, tile=(1, 1)) for name, s in shapes.items()})


def generate(folder: Path) -> None:
    """A build of the smallest array."""
    said, status = command("--pe", "1", "--lanes", "1", "--bits", "2", "--act-bits", "2", "--out", str(folder))
    if status:
        raise RuntimeError(f"the build was not generated: {said}")


def command(*arguments: str) -> tuple[str, int]:
    """What a command says on standard error, and its status."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        status = cli.main(arguments)
    return said.getvalue(), status


def read(kind: str, path: Path) -> str | None:
    """Run the whole command that reads such a file; returns None, or the message about the damage.

    Any warning is an error: a user would see it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if kind == "network":
            return _load_network(path)
        if kind == "model":
            said, status = command("simulate", str(path.parent), "--model", str(path), "--json")
        elif kind == "manifest":
            said, status = command("simulate", str(path.parent), "--model", str(path.with_name(MODEL)), "--json")
        else:
            said, status = command("quantize", str(path), "--out", str(path.with_name(MODEL)), "--json")
    if status not in (0, 2) or (status == 0 and said):
        raise RuntimeError(f"status {status}: {said}")
    return said.removesuffix("\n") if status else None


def _load_network(path: Path) -> str | None:
    try:
        load_network(path)
    except NetworkError as error:
        return str(error)
    return None


def try_file(kind: str, path: Path, whole: bytes, seed: list[int], reader: Callable[[str, Path], str | None]) -> str:
    """ "accepted", "refused", or what is wrong with the reader.  The damage depends on `seed` alone."""
    rng = np.random.default_rng(seed)
    data = damaged(whole, rng)
    if kind == "inner":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("fc.npy", data)
    else:
        path.write_bytes(data)
    signal.alarm(SECONDS)
    try:
        said = reader(kind, path)
    except (Exception, HangError) as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.alarm(0)
    if said is None:
        return "accepted"
    return "refused" if said.strip() and "\n" not in said and len(said) < 1000 else f"unclear: {said[:300]!r}"


def try_kind(
    kind: str,
    count: int,
    seed: int,
    *,
    reader: Callable[[str, Path], str | None] = read,
    prepare: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Try `count` damaged files of a kind in this process, after `prepare`.  A finding names its file by the seed."""
    tally = {"accepted": 0, "refused": 0}
    findings = []
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        name = MANIFEST if kind == "manifest" else f"w.{EXTENSIONS.get(kind, kind)}"
        path = Path(temporary) / name
        write_good(kind, path)
        whole = path.read_bytes()
        prepare()
        for index in range(count):
            source = [seed, zlib.crc32(kind.encode()), index]
            verdict = try_file(kind, path, whole, source, reader)
            if verdict in tally:
                tally[verdict] += 1
            else:
                findings.append({"kind": kind, "seed": source, "found": verdict})
    return {"kind": kind, "files": count, **tally, "findings": findings}


def watch() -> None:
    """Let a reader take no longer than ``SECONDS``."""
    signal.signal(signal.SIGALRM, _hang)


def limit() -> None:
    """The same, and let this process take no more than ``MEBIBYTES`` of additional memory."""
    watch()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (MEBIBYTES << 20), resource.RLIM_INFINITY))


def _hang(*_: object) -> None:
    raise HangError(f"more than {SECONDS} s")


def run(count: int, seed: int) -> dict[str, Any]:
    """Try each kind in a process of its own, with limited memory."""
    found = []
    for kind in KINDS:
        command = [sys.executable, "-m", "verif.campaign.fuzz", kind, str(count), str(seed)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            crash = {"kind": kind, "seed": [seed], "found": f"status {done.returncode}: {done.stderr[-300:]}"}
            found.append({"kind": kind, "files": 0, "accepted": 0, "refused": 0, "findings": [crash]})
        else:
            found.append(json.loads(done.stdout))
        print(found[-1], flush=True)
    findings = sum(len(entry["findings"]) for entry in found)
    return {"ok": not findings, "files": sum(entry["files"] for entry in found), "findings": findings, "found": found}


if __name__ == "__main__":
    print(json.dumps(try_kind(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), prepare=limit)))
