"""Runs and campaigns on a tiny task: files, float networks shared, resumed after a stop, table and plots."""

import json
import math
import re
from dataclasses import replace

import pytest
import torch
from matplotlib.image import imread

from benchmarks.training import bars
from benchmarks.training import run as run_module
from benchmarks.training.campaign import Campaign
from benchmarks.training.checkpoint import CheckpointError, load_checkpoint, restore_model
from benchmarks.training.fit import Fit
from benchmarks.training.run import Setting, perform
from benchmarks.training.spec import Run
from benchmarks.training.table import markdown, rows
from benchmarks.training.tasks import TASKS
from sw_ref.model import load_model
from sw_ref.train import methods, settle_batch_norm
from verif.benchmarks.training.tiny import Tiny

METHODS = ("float", "one-word", "two-word", "stlq")


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(TASKS, "tiny", Tiny())


def campaign(folder, **fields):
    options = {"tasks": ["tiny"], "methods": METHODS, "ratios": (0.25, 0.5), "seeds": range(2)} | fields
    return Campaign(results=folder / "results", work=folder / "work", **options)


def test_a_run_leaves_its_result_model_and_words(tmp_path):
    run = Run(task="tiny", method="stlq", ratio=0.5, seed=3)
    result = perform(run, tmp_path / "out", Setting(floats=tmp_path / "floats"), command="as typed")
    assert json.loads((tmp_path / "out" / "run.json").read_text()) == result
    assert result["run"] == run.about
    assert result["command"] == "as typed"
    assert result["split"] == Tiny().sources()
    assert {"python", "torch", "numpy", "scikit-learn", "scikit-image", "stlq"} == result["versions"].keys()
    assert [epoch["epoch"] for epoch in result["history"]] == [1, 2, 3, 4]
    assert result["history"][0]["v_norm"] > 0 == result["history"][-1]["v_norm"]
    words = load_model(tmp_path / "out" / "weights.safetensors")
    assert [tensor.shape for tensor in words.values()] == [(8, 1, 3, 3), (8, 8, 3, 3), (1, 32)]
    assert load_checkpoint(tmp_path / "out" / "model.safetensors")[1] == {"about": run.about}


def test_a_run_ends_with_statistics_of_its_last_weights(tmp_path):
    run = Run(task="tiny", method="stlq", ratio=0.5)
    perform(run, tmp_path / "out", Setting(floats=tmp_path / "floats"))
    ends = {}
    for name in ("checkpoint", "model"):
        ends[name] = run_module.pretrained(run, Setting(floats=tmp_path / "floats"))
        run_module.put_on(run, ends[name])
        tensors, _ = load_checkpoint(tmp_path / "out" / f"{name}.safetensors")
        restore_model(ends[name], tensors, tmp_path)
    lagging = ends["checkpoint"].state_dict()["1.running_mean"].clone()
    settle_batch_norm(ends["checkpoint"], (x for x, _ in Tiny().batches(run.seed, run_module.CALIBRATION_EPOCH)))
    expected, found = ends["checkpoint"].state_dict(), ends["model"].state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert not torch.equal(found["1.running_mean"], lagging)


def test_the_float_network_is_trained_once_and_shared(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run_module, "Fit", lambda **fields: trained.append(fields["about"]) or Fit(**fields))
    for method in ("one-word", "stlq"):
        perform(Run(task="tiny", method=method), tmp_path / method, Setting(floats=tmp_path / "floats"))
    pretraining = [about for about in trained if "method" not in about]
    assert len(trained) == 1 + 2 * 2, "the float network, then each run and its last epochs"
    assert pretraining == [{"task": "tiny", "network": "plain", "seed": 0, "epochs": 2, "rate": 1e-2}]
    assert [path.name for path in (tmp_path / "floats").iterdir()] == ["tiny-plain-seed0.safetensors"]


def test_a_float_network_of_other_training_is_refused(tmp_path):
    perform(Run(task="tiny", method="float"), tmp_path / "a", Setting(floats=tmp_path / "floats"))
    with pytest.raises(
        CheckpointError,
        match=r"tiny-plain-seed0.safetensors: of another run: its epochs is 2; allowed: 7, as in this run$",
    ):
        perform(
            Run(task="tiny", method="float", pretrain_epochs=7), tmp_path / "b", Setting(floats=tmp_path / "floats")
        )
    assert not list((tmp_path / "b").iterdir())


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ({"task": "sing"}, "task is 'sing'; allowed: classify, enhance, segment, tiny"),
        ({"network": "wide"}, "network is 'wide'; allowed for tiny: plain"),
        ({"method": "magic"}, "method is 'magic'; allowed: two-word, stlq"),
        ({"ratio": 1.5}, "ratio is 1.5; allowed: a number from 0 to 1"),
        ({"ratio": math.nan}, "ratio is nan; allowed: a number from 0 to 1"),
        ({"tile": (0, 8)}, "tile is (0, 8); allowed: two whole numbers, 1 or more"),
        ({"bits": 6}, "bits is 6; allowed: a whole number from 2 to 5"),
        ({"act_bits": 1}, "act_bits is 1; allowed: a whole number from 2 to 16"),
        ({"seed": -1}, "seed is -1; allowed: a whole number, 0 to 2^63 - 1"),
        ({"epochs": -1}, "epochs is -1; allowed: a whole number, 0 to 2^63 - 1"),
        ({"rate": 0.0}, "rate is 0.0; allowed: a number between 0 and 1"),
    ],
)
def test_impossible_runs_are_refused(field, line):
    with pytest.raises(ValueError, match=f"^{re.escape(line)}"):
        Run(**{"task": "tiny", "method": "stlq"} | field)


def test_the_grid_has_each_run_once_column_by_column(tmp_path):
    names = [run.name for run in campaign(tmp_path).runs()]
    assert names == [
        f"tiny-plain-{column}-seed{seed}"
        for column in ("float-r0", "one-word-r0", "two-word-r100", "stlq-r25", "stlq-r50")
        for seed in range(2)
    ]


def drop(path, line):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:line] + lines[line + 1 :]))


def scores(result):
    """What must not depend on stops: None if the run is not done."""
    if result is None:
        return None
    ends = result.get("integers", {}).get("result")
    return result["result"], result["float"], result["cycles"], len(result["history"]), ends


def test_a_stopped_campaign_goes_on_where_it_was(tmp_path):
    whole, stopped = campaign(tmp_path / "whole", seeds=[0]), campaign(tmp_path / "stopped", seeds=[0])
    runs = whole.runs()
    for run in runs:
        whole.perform(run, "")
    for run in runs[:2]:
        stopped.perform(run, "")
    # The third run was stopped after its training: its checkpoint is there, its result is not.
    third = stopped.perform(runs[2], "")
    drop(stopped.kept.path(runs[2]), line=2)
    assert [stopped.result(run) is None for run in runs] == [False, False, True, True, True]
    for run in runs[2:]:
        stopped.perform(run, "")
    assert scores(stopped.result(runs[2])) == scores(third)
    for run in runs:
        assert scores(whole.result(run)) == scores(stopped.result(run))


def test_a_result_of_another_campaign_is_refused(tmp_path):
    first = campaign(tmp_path, methods=["float"], seeds=[0])
    for run in first.runs():
        first.perform(run, "")
    other = campaign(tmp_path, methods=["float"], seeds=[0], options={"epochs": 9})
    with pytest.raises(CheckpointError, match=r"of another run: its epochs is 4; allowed: 9"):
        other.result(other.runs()[0])


def test_a_result_of_a_method_that_has_changed_is_refused(tmp_path, monkeypatch):
    grid = campaign(tmp_path, methods=["one-word"], seeds=[0])
    (run,) = grid.runs()
    grid.perform(run, "")
    assert grid.result(run) is not None
    monkeypatch.setitem(methods.METHODS, "one-word", replace(methods.METHODS["one-word"], scale="max"))
    with pytest.raises(CheckpointError, match=r"of another run: its method.scale is search; allowed: max"):
        grid.result(run)


def test_each_run_is_in_the_grid_once(tmp_path):
    grid = campaign(tmp_path, methods=["stlq", "stlq", "float"], ratios=(0.25, 0.25), seeds=[1, 1], tasks=["tiny"] * 2)
    assert [run.name for run in grid.runs()] == ["tiny-plain-stlq-r25-seed1", "tiny-plain-float-r0-seed1"]
    same_name = campaign(tmp_path, methods=["stlq"], ratios=(0.25, 0.2500000001))
    with pytest.raises(ValueError, match=r"ratio is 0.2500000001; allowed: what differs from 0.25 in 6 digits"):
        same_name.runs()


def test_report_writes_the_tables_and_the_plots(tmp_path):
    grid = campaign(tmp_path)
    grid.report("as typed")
    assert not (tmp_path / "results").exists()
    for run in grid.runs():
        grid.perform(run, "")
    grid.report("as typed")
    assert len(grid.done()) == 10
    for name in ("table.md", "bars.md"):
        assert (tmp_path / "results" / name).read_text().startswith("Made by\n\n```sh\nas typed\n```\n\n")
    table = (tmp_path / "results" / "table.md").read_text()
    assert table.count("\n| stlq ") == 2
    assert "| one-word | 1.000 | 2 |" in table
    assert "| two-word | 2.000 | 2 |" in table
    assert (tmp_path / "results" / "bars.md").read_text().count("(2) |\n") == 4
    for name in ("cycles", "annealing", "weights", "pictures"):
        assert imread(tmp_path / "results" / f"{name}-tiny-plain.png").std() > 0


def result(method, ratio, seed, score, cycles, task="tiny", network="plain"):
    about = {"task": task, "network": network, "method": method, "ratio": ratio, "seed": seed}
    return {"run": about, "result": {"test": {TASKS[task].primary: score}}, "cycles": cycles}


def test_table_pairs_the_seeds():
    results = [
        *(result("one-word", 0.0, seed, 1.0, 100) for seed in range(3)),
        *(result("two-word", 1.0, seed, score, 200) for seed, score in enumerate((5.0, 6.0, 7.0))),
        *(result("stlq", 0.15, seed, score, 115) for seed, score in enumerate((4.0, 6.0, 6.0, 99.0))),
    ]
    one, two, stlq = rows(results)
    assert (one.cycles, two.cycles, stlq.cycles) == (1.0, 2.0, 1.15)
    assert stlq.differences == [-1.0, 0.0, -1.0]
    assert two.differences == [0.0, 0.0, 0.0]
    # Mean 28.75, deviation by hand; paired: mean -2/3, deviation 1/sqrt(3), standard error 1/3.
    assert "| stlq 15% | 1.150 | 4 | 28.750 | 46.843 | -0.667 | 0.333 |" in markdown([one, two, stlq])


def test_table_says_what_our_methods_gain_on_each_baseline():
    scores = {
        ("two-word", 1.0): (5.0, 6.0, 7.0),
        ("no-v", 0.15): (4.0, 5.0, 9.0),
        ("no-v", 0.05): (1.0, 1.0, 1.0),
        ("stlq", 0.15): (4.0, 6.0, 6.0),
        ("stlq", 0.05): (4.0,),
    }
    found = [result(*key, seed, score, 100) for key, values in scores.items() for seed, score in enumerate(values)]
    text = markdown(rows(found))
    # Against no-v at 15%: 0, 1, -3: mean -2/3, deviation sqrt(13/3), standard error 1.202.
    assert text.endswith(
        "| less | stlq 15% | stlq 5% |\n|---|---|---|\n"
        "| two-word | -0.667 ± 0.333 (3) | -1.000 (1) |\n"
        "| no-v | -0.667 ± 1.202 (3) | +3.000 (1) |\n"
    )


def test_bars_are_met_or_missed():
    """Differences by hand, in halves and quarters: classify in points, enhance in dB."""
    scores = {
        ("classify", "residual"): {
            ("two-word", 1.0): (90.0, 91.0),
            ("stlq", 0.15): (89.5, 90.25),  # -0.5, -0.75: mean -0.625, standard error 0.125
            ("stlq-cycles", 0.15): (89.75, 90.75),  # -0.25, -0.25; on stlq 0.25, 0.5
            ("no-v", 0.15): (89.0, 90.0),  # stlq: +0.5, +0.25; stlq-cycles: +0.75, +0.75
            ("lsq3", 0.0): (90.0, 91.0),
            ("one-word", 0.0): (89.0, 91.0),  # stlq: +0.5, -0.75; stlq-cycles: +0.75, -0.25
        },
        ("enhance", "unet"): {
            ("two-word", 1.0): (26.0, 27.0),
            ("stlq", 0.15): (26.0, 27.5),  # 0, +0.5
            ("stlq-cycles", 0.15): (25.75, 27.0),  # -0.25, 0: mean -0.125
            ("lsq3", 0.0): (25.0, 26.0),
        },
    }
    found = [
        result(method, ratio, seed, score, 100, task, network)
        for (task, network), by_method in scores.items()
        for (method, ratio), values in by_method.items()
        for seed, score in enumerate(values)
    ]
    head = "classify, residual (points) | enhance, unet (dB) |\n|---|---|---|"
    legend, *tables = bars.markdown(rows(found)).split("\n\n")
    assert legend + "\n" == bars.LEGEND
    assert tables == [
        f"| less R = 100% | {head}\n"
        "| `stlq` 15%; bar: 0.3 points, 0.1 dB | -0.62 ± 0.12 (2), missed by 0.325 | +0.25 ± 0.25 (2), met |\n"
        "| `stlq-cycles` 15%; bar: 0.3 points, 0.1 dB | -0.25 ± 0.00 (2), met | -0.12 ± 0.12 (2), missed by 0.025 |",
        f"| share of the loss of `stlq`; bar: half | {head}\n"
        "| `stlq-cycles` 15% | 40% of it, +0.38 ± 0.12 (2), met | nothing lost, -0.38 ± 0.12 (2) |",
        f"| our method less a baseline | {head}\n"
        "| `stlq` 15% less `no-v`; bar: better | +0.38 ± 0.12 (2), met | - |\n"
        "| `stlq` 15% less `one-word`; bar: better | -0.12 ± 0.62 (2), missed | - |\n"
        "| `stlq` 15% less `lsq3`; bar: not worse | -0.62 ± 0.12 (2), missed by 0.625 | +1.25 ± 0.25 (2), met |\n"
        "| `stlq-cycles` 15% less `no-v`; bar: better | +0.75 ± 0.00 (2), met | - |\n"
        "| `stlq-cycles` 15% less `one-word`; bar: better | +0.25 ± 0.50 (2), open | - |\n"
        "| `stlq-cycles` 15% less `lsq3`; bar: not worse | -0.25 ± 0.00 (2), missed by 0.250 | +0.88 ± 0.12 (2), met |",
        f"| less R = 100%, without a bar | {head}\n"
        "| `no-v` 15% | -1.00 ± 0.00 (2) | - |\n"
        "| `lsq3` | +0.00 ± 0.00 (2) | -1.00 ± 0.00 (2) |\n"
        "| `one-word` | -0.50 ± 0.50 (2) | - |\n",
    ]


def test_one_seed_has_no_spread():
    row = rows([result("stlq", 0.15, 0, 2.0, 115)])
    assert "| stlq 15% |  | 1 | 2.000 |  |  |  |" in markdown(row)


def test_runs_do_not_touch_the_global_random_state(tmp_path):
    state = torch.get_rng_state()
    perform(Run(task="tiny", method="stlq"), tmp_path / "out", Setting(floats=tmp_path / "floats"))
    assert torch.equal(torch.get_rng_state(), state)
