"""`python -m benchmarks.training`: one training run, or a campaign; the one place that makes errors an exit status."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.training import campaign
from benchmarks.training.fit import TrainingError
from benchmarks.training.options import NAME, PROGRAM, campaign_parser, run_parser
from benchmarks.training.run import CHECKPOINT, RESULT, Setting, perform
from benchmarks.training.spec import Run, folder_of
from benchmarks.training.tasks import TASKS
from rtl_gen.errors import CheckError, UsageError
from sw_ref.train.methods import METHODS

MAX_THREADS = 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 training stopped, 2 bad use, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv[:1] == ["campaign"]:
            return campaign.main(argv[1:], campaign_parser())
        if argv and not argv[0].startswith("-"):
            raise ValueError(f"command is {argv[0]!r}; allowed: campaign, or the options of a run")
        return _train(argv)
    except (TrainingError, CheckError) as error:
        return _complain(error, 1)
    except (ValueError, UsageError) as error:
        return _complain(error, 2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{where}{error.strerror}; allowed: files that can be read and written", 2)
    except KeyboardInterrupt as error:
        how = "the same command" if argv[:1] == ["campaign"] else "`--resume`"
        return _complain(f"interrupted; {how} continues{f' from {error}' if str(error) else ''}", 130)


def _complain(error: object, status: int) -> int:
    print(f"{NAME}:", " ".join(str(error).split()), file=sys.stderr)
    return status


def _train(argv: list[str]) -> int:
    args = run_parser(", ".join(TASKS), ", ".join(METHODS)).parse_args(argv)
    out = folder_of("out", args.out)
    run = Run(
        task=args.task,
        method=args.method,
        network=args.network,
        bits=args.bits,
        act_bits=args.act_bits,
        residual_shift=args.residual_shift,
        ratio=args.ratio,
        tile=parse_tile(args.tile),
        seed=args.seed,
        pretrain_epochs=args.pretrain_epochs,
        epochs=args.epochs,
        rate=args.rate,
    )
    check_device(args.device)
    if not 1 <= args.threads <= MAX_THREADS:
        raise ValueError(f"threads is {args.threads}; allowed: a whole number, 1 to {MAX_THREADS}")
    if not args.resume and any((out / name).exists() for name in (CHECKPOINT, RESULT)):
        raise ValueError(f"{out} holds a run already; allowed: another --out, or --resume to continue it")
    if args.resume and not _begun(out):
        raise ValueError(f"{out} holds no run to resume; allowed: the --out of one that was begun")
    torch.set_num_threads(args.threads)
    command = shlex.join([*PROGRAM.split(), *argv])
    floats = Path(args.floats) if args.floats else out
    setting = Setting(floats=floats, device=args.device, report=print_epoch)
    try:
        result = perform(run, out, setting, resume=args.resume, command=command)
    except KeyboardInterrupt:
        if _begun(out):
            raise
        return _complain("interrupted before anything was kept; the same command starts again", 130)
    print(summary(result))
    return 0


def _begun(out: Path) -> bool:
    """Whether a folder holds what a run can be resumed from."""
    return out.is_dir() and any(out.iterdir())


def parse_tile(text: str) -> tuple[int, int]:
    """ "8x16" as (8, 16)."""
    sides = text.split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise ValueError(f"tile is {text!r}; allowed: two whole numbers like 8x8")
    return int(sides[0]), int(sides[1])


def check_device(device: str) -> None:
    """``ValueError`` for a device that is not there."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device is {device!r}; allowed: cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda'; allowed here: cpu (PyTorch finds no CUDA device)")


def print_epoch(facts: Mapping[str, Any]) -> None:
    """A line on an epoch: losses, ||v||, and the share of v that is left."""
    line = f"epoch {facts['epoch']:3}/{facts['epochs']}  loss {facts['loss']:.4f}"
    if "v_norm" in facts:
        line += f"  ||v|| {facts['v_norm']:8.3f}  v left {facts['share_left']:6.1%}"
    print(f"{line}  {facts['seconds']:.1f} s", flush=True)


def summary(result: Mapping[str, Any]) -> str:
    """The outcome in one line: the primary metric before and after, and the cycles."""
    task = TASKS[result["run"]["task"]]
    before, after = (result[part]["test"][task.primary] for part in ("float", "result"))
    return (
        f"test {task.primary}: float {before:.2f}, now {after:.2f} {task.unit}; {result['cycles']:,} cycles per sample"
    )


if __name__ == "__main__":
    sys.exit(main())
