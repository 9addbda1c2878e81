"""The command line: what it prints, its exit status, one line for bad use, Ctrl-C and --resume."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.training.__main__ import main
from benchmarks.training.checkpoint import load_checkpoint
from benchmarks.training.run import CALIBRATION_BATCHES
from benchmarks.training.tasks import TASKS
from verif.benchmarks.training.tiny import Tiny

ROOT = Path(__file__).resolve().parents[3]
BEFORE_TUNING = 2 * Tiny.steps + 2 + CALIBRATION_BATCHES


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The tiny task among the others; one thread afterwards as before."""
    task = Tiny()
    monkeypatch.setitem(TASKS, "tiny", task)
    threads = torch.get_num_threads()
    yield task
    torch.set_num_threads(threads)


def test_a_run_prints_its_progress_and_result(tmp_path, capsys):
    out = tmp_path / "a"
    assert main(["--task", "tiny", "--ratio", "0.5", "--seed", "2", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 4 + Tiny.last_epochs + 1
    assert lines[0].startswith("epoch   1/2  loss 0.")
    assert lines[2].startswith("epoch   1/4  loss 0.")
    assert "||v||" in lines[2]
    assert "v left   0.0%" in lines[5]
    assert lines[6].startswith(f"epoch   1/{Tiny.last_epochs}  loss 0.")
    assert lines[-1].startswith("test closeness: float -0.")
    result = json.loads((out / "run.json").read_text())
    assert result["command"] == f"python -m benchmarks.training --task tiny --ratio 0.5 --seed 2 --out {out}"
    assert lines[-1].endswith(f"; {result['cycles']:,} cycles per sample")


@pytest.mark.parametrize(
    ("batches", "where"),
    [
        (3, "tiny-plain-seed0.unfinished.safetensors: epoch 1, step 3"),
        # All batches of pre-training, two to measure the float network, those of calibration, and 7 of fine-tuning.
        (BEFORE_TUNING + 7, "checkpoint.safetensors: epoch 2, step 2"),
        # All of fine-tuning and of batch norm, a picture, two to measure, those of an example, and two more to measure.
        (BEFORE_TUNING + 5 * Tiny.steps + 1 + 2 + CALIBRATION_BATCHES + 2 + 2, "last.safetensors: epoch 1, step 2"),
    ],
)
def test_ctrl_c_then_resume_ends_like_an_uninterrupted_run(tmp_path, capsys, monkeypatch, tiny, batches, where):
    options = ["--task", "tiny", "--ratio", "0.5", "--out"]
    whole, stopped = str(tmp_path / "whole"), str(tmp_path / "stopped")
    assert main([*options, whole]) == 0
    draw, left = tiny.draw, [batches]

    def stop_later(random):
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
        return draw(random)

    with monkeypatch.context() as patched:
        patched.setattr(tiny, "draw", stop_later)
        assert main([*options, stopped]) == 130
    assert capsys.readouterr().err == f"benchmarks.training: interrupted; `--resume` continues from {stopped}/{where}\n"
    assert main([*options, stopped, "--resume"]) == 0
    expected, resumed = (load_checkpoint(f"{folder}/model.safetensors")[0] for folder in (whole, stopped))
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in expected.items())
    first, second = (Path(folder, "integers.safetensors").read_bytes() for folder in (whole, stopped))
    assert first == second


def test_ctrl_c_before_anything_is_kept_says_so(tmp_path, capsys, monkeypatch, tiny):
    def interrupted(network, seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny, "build", interrupted)
    assert main(["--task", "tiny", "--out", str(tmp_path / "a")]) == 130
    error = "benchmarks.training: interrupted before anything was kept; the same command starts again\n"
    assert capsys.readouterr().err == error


def test_a_loss_that_is_nan_is_exit_status_1(tmp_path, capsys, monkeypatch, tiny):
    monkeypatch.setattr(tiny, "loss", lambda outputs, targets: (outputs - targets).sum() * torch.nan)
    assert main(["--task", "tiny", "--out", str(tmp_path / "a")]) == 1
    error = capsys.readouterr().err
    assert error == "benchmarks.training: loss is nan in epoch 1, step 1; the output of every layer is finite\n"
    assert not list((tmp_path / "a").iterdir())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "the following arguments are required: --task, --out (see `python -m benchmarks.training --help`)"),
        (["--task", "sing", "--out", "x"], "task is 'sing'; allowed: classify, enhance, segment, tiny"),
        (["--task", "tiny", "--out", "x", "--bits", "two"], "argument --bits: invalid int value: 'two'"),
        (["--task", "tiny", "--out", "x", "--tile", "8"], "tile is '8'; allowed: two whole numbers like 8x8"),
        (["--task", "tiny", "--out", "x", "--tile", "8x0"], "tile is (8, 0); allowed: two whole numbers, 1 or more"),
        (["--task", "tiny", "--out", "x", "--device", "abacus"], "device is 'abacus'; allowed: cpu, cuda"),
        (["--task", "tiny", "--out", "x", "--threads", "0"], "threads is 0; allowed: a whole number, 1 to 1024"),
        (
            ["--task", "tiny", "--out", "x", "--seed", str(1 << 63)],
            "seed is 9223372036854775808; allowed: ",
        ),
        (
            ["--task", "tiny", "--out", "x", "--method", "lsq3+bits=99"],
            "bits is 99; allowed for uniform weights: 2",
        ),
        (["--task", "tiny", "--out", ""], "out is empty; allowed: a folder"),
        (["--task", "tiny", "--out", "x", "--resume"], "x holds no run to resume; allowed: the --out of one"),
        (["--task", "tiny", "--out", "taken"], "taken: File exists; allowed: files that can be read and written"),
        (["campain", "--seeds", "1"], "command is 'campain'; allowed: campaign, or the options of a run"),
        (["campaign", "--ratios", "0.1,lots"], "ratio is 'lots'; allowed: a number from 0 to 1"),
        (["campaign", "--tasks", "tiny,sing"], "task is 'sing'; allowed: classify, enhance, segment, tiny"),
        (["campaign", "--methods", "magic"], "method is 'magic'; allowed: two-word, stlq"),
        (["campaign", "--seeds", "0"], "seeds is 0; allowed: a whole number, 1 or more"),
        (
            ["campaign", "--workers", "2", "--scheduler", "tcp://a:1"],
            "--workers is given with --scheduler; allowed: one",
        ),
        (["campaign", "--tasks", "tiny", "--out", ""], "out is empty; allowed: a folder"),
        (["campaign", "--tasks", "tiny", "--out", "x", "--work", ""], "work is empty; allowed: a folder"),
        (["campaign", "--tasks", "tiny", "--out", "taken"], "taken/runs: Not a directory; allowed: files that can be"),
    ],
)
def test_bad_use_is_one_line_and_exit_status_2(tmp_path, capsys, monkeypatch, options, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    assert main(options) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"benchmarks.training: {line}")
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.fixture
def without_libraries(tmp_path):
    """Runs the command where two libraries are missing."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules |= {'torch': None, 'skimage': None}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}

    def ran(*options):
        command = [sys.executable, "-m", "benchmarks.training", *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return ran


def test_missing_libraries_are_one_line_and_exit_status_2(tmp_path, without_libraries):
    done = without_libraries("--task", "enhance", "--out", str(tmp_path / "a"))
    assert done.returncode == 2
    line = (
        'benchmarks.training: torch, skimage missing; to install: pip install "stlq[train]", or ".[train]" in a clone'
    )
    assert done.stderr == f"{line}\n"
    assert not (tmp_path / "a").exists()


def test_help_needs_no_library(without_libraries):
    for command, option in (((), "--act-bits"), (("campaign",), "--methods")):
        done = without_libraries(*command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"usage: {' '.join(('python -m benchmarks.training', *command))} [-h]")
        assert option in done.stdout


def test_cuda_is_refused_where_there_is_none(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["--task", "tiny", "--out", str(tmp_path / "a"), "--device", "cuda"]) == 2
    assert "device is 'cuda'; allowed here: cpu" in capsys.readouterr().err


def test_a_finished_run_is_not_overwritten(tmp_path, capsys):
    options = ["--task", "tiny", "--method", "float", "--out", str(tmp_path / "a")]
    assert main(options) == 0
    before = (tmp_path / "a" / "run.json").read_bytes()
    assert main(options) == 2
    assert "holds a run already; allowed: another --out, or --resume" in capsys.readouterr().err
    assert (tmp_path / "a" / "run.json").read_bytes() == before
    assert main([*options, "--ratio", "0.3", "--resume"]) == 2
    assert "of another run: its ratio is 0.15; allowed: 0.3" in capsys.readouterr().err


def test_a_campaign_does_what_is_left_and_reports(tmp_path, capsys):
    folders = ["--workers", "1", "--out", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    options = ["campaign", "--tasks", "tiny", "--methods", "one-word,two-word", *folders]
    assert main([*options, "--seeds", "1"]) == 0
    first = capsys.readouterr().out.splitlines()
    assert first[0] == "2 runs, 0 of them done"
    assert first[1].startswith("1/2 tiny-plain-one-word-r0-seed0: -0.")
    assert main([*options, "--seeds", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "4 runs, 2 of them done"
    assert "| two-word | 2.000 | 2 |" in (tmp_path / "results" / "table.md").read_text()
    assert main([*options, "--seeds", "3", "--report"]) == 0
    assert capsys.readouterr().out.splitlines() == ["6 runs, 4 of them done"]
    # Without a choice of runs: those that the table names, and the same table.
    before = (tmp_path / "results" / "table.md").read_bytes()
    assert b"campaign --report --tasks tiny --methods" in before
    assert main(["campaign", "--report", *options[-4:]]) == 0
    assert capsys.readouterr().out.splitlines() == ["6 runs, 4 of them done"]
    assert (tmp_path / "results" / "table.md").read_bytes() == before


def test_a_campaign_goes_on_after_a_run_that_stopped(tmp_path, capsys, monkeypatch, tiny):
    loss, calls = tiny.loss, []

    def poisoned(outputs, targets):
        calls.append(outputs)
        return loss(outputs, targets) * (torch.nan if 2 * Tiny.steps < len(calls) <= 2 * Tiny.steps + 5 else 1)

    monkeypatch.setattr(tiny, "loss", poisoned)
    folders = ["--workers", "1", "--out", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    assert main(["campaign", "--tasks", "tiny", "--methods", "one-word,two-word", "--seeds", "1", *folders]) == 1
    captured = capsys.readouterr()
    assert "1/2 tiny-plain-one-word-r0-seed0: loss is nan in epoch 1, step 1" in captured.out
    assert "2/2 tiny-plain-two-word-r100-seed0: -0." in captured.out
    assert captured.err.startswith(
        "benchmarks.training: 1 of 2 runs stopped: tiny-plain-one-word-r0-seed0: loss is nan"
    )
    assert [path.name for path in (tmp_path / "results" / "runs").iterdir()] == ["tiny-plain.jsonl"]
