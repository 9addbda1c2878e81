"""Results in files of lines: whole, each once, kept by several campaigns at once; recorded tables fit the runs."""

import json
import multiprocessing
import shlex

import pytest

from benchmarks.training import campaign
from benchmarks.training.options import campaign_parser
from benchmarks.training.results import Results
from benchmarks.training.spec import Run
from benchmarks.training.tasks import TASKS
from verif.benchmarks.training.tiny import Tiny
from verif.campaign.record import ROOT

RECORDED = ROOT / "benchmarks" / "training" / "results"


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(TASKS, "tiny", Tiny())


def line(run, score=1.0):
    about = {"run": run.about, "result": {"test": {"closeness": score}}, "cycles": 7, "history": []}
    return (json.dumps(about) + "\n").encode()


def test_results_of_a_network_are_lines_of_one_file(tmp_path):
    first, second = (Run(task="tiny", method="stlq", seed=seed) for seed in (0, 1))
    kept = Results(tmp_path / "runs")
    assert kept.find(first) is None
    kept.add(first, line(first))
    kept.add(second, line(second, 2.0))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tiny-plain.jsonl"]
    assert kept.path(first).read_bytes() == line(first) + line(second, 2.0)
    found = kept.find(second)
    assert found is not None
    assert (found["result"]["test"], found["run"]) == ({"closeness": 2.0}, second.about)
    assert kept.find(Run(task="tiny", method="stlq", seed=2)) is None


def test_what_another_process_adds_is_seen(tmp_path):
    runs = [Run(task="tiny", method="stlq", seed=seed) for seed in (0, 1)]
    one, other = Results(tmp_path), Results(tmp_path)
    for run in runs:
        assert one.find(run) is None
        other.add(run, line(run))
        assert one.find(run) is not None


def add(folder, lines):
    for run, text in lines:
        Results(folder).add(run, text)


def test_campaigns_at_once_lose_no_line(tmp_path):
    runs = [Run(task="tiny", method="stlq", seed=seed) for seed in range(40)]
    lines = [(run, line(run)) for run in runs]
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add, args=(tmp_path, lines[start::4])) for start in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert all(Results(tmp_path).find(run) is not None for run in runs)


HEAD = '{"result": {"test": {"closeness": 1}}, "cycles": 1, "run": %s, "history": ' % json.dumps(  # noqa: UP031
    {"task": "tiny", "network": "plain", "method": "float", "ratio": 0.0, "seed": 0}
)


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "{}\n",
        "[]\n",
        "null\n",
        '{"result": {"test": {}}}\n',
        HEAD + "3}\n",
        HEAD + '[{"v_norm": 1}]}\n',
        HEAD + "[4]}\n",
        HEAD + "[]}",  # cut before its end
        HEAD.replace('"cycles": 1', '"cycles": "1"') + "[]}\n",
    ],
)
def test_a_damaged_line_is_refused(tmp_path, text):
    run, other = Run(task="tiny", method="float"), Run(task="tiny", method="stlq")
    path = tmp_path / "tiny-plain.jsonl"
    path.write_text(line(other).decode() + text)
    with pytest.raises(ValueError, match=r"jsonl: line 2 holds no result of a run; allowed: whole lines, or no file"):
        Results(tmp_path).find(run)


def test_a_second_result_of_a_run_is_refused(tmp_path):
    run = Run(task="tiny", method="float", ratio=0.0)
    (tmp_path / "tiny-plain.jsonl").write_bytes(line(run) * 2)
    with pytest.raises(ValueError, match=r"line 2 is another result of tiny-plain-float-r0-seed0; allowed: one$"):
        Results(tmp_path).find(run)


def recorded(folder):
    """The recorded table's own options, parsed."""
    parser = campaign_parser()
    campaign.add_arguments(parser)
    return parser.parse_args(["--report", "--out", str(folder), *campaign.recorded_options(folder)]), parser


@pytest.mark.parametrize("folder", [RECORDED, RECORDED / "ablation"], ids=lambda path: path.name)
def test_recorded_tables_are_those_of_the_recorded_runs(folder):
    args, parser = recorded(folder)
    command = shlex.join([*campaign.COMMAND, "--report", *campaign.grid_options(args, parser)])
    tables = campaign.of_arguments(args).tables(command)
    assert tables == {name: (folder / name).read_text() for name in ("table.md", "bars.md")}


def test_recorded_tables_leave_out_no_run_of_theirs():
    args, _ = recorded(RECORDED)
    shown = {result["run"]["method"] + str(result["run"]["ratio"]) for result in campaign.of_arguments(args).done()}
    lines = [json.loads(text) for path in (RECORDED / "runs").iterdir() for text in path.read_text().splitlines()]
    assert len(lines) == 720
    assert {entry["run"]["method"] + str(entry["run"]["ratio"]) for entry in lines} == shown
    assert len(campaign.of_arguments(args).done()) == 720
