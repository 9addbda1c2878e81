"""Whether runs that are done again give what was recorded: ``python -m benchmarks.training.again RECORDED AGAIN``.

Both are folders of results.  It prints a line of JSON for each run in AGAIN, and ends with status 1 if one differs.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.training.campaign import RUNS
from benchmarks.training.results import read
from rtl_gen.errors import UsageError

PASSING = ("command", "seconds")
"""What no two runs have in common."""
CODE = "code"


def compared(recorded: dict[str, Any], again: dict[str, Any]) -> dict[str, Any]:
    """Whether the same sources made two results, and the names of the fields that differ.

    With other sources than the recorded ones there may be more fields.  The text of a field counts, to the last digit,
    but not the order of the parts in it: runs that older sources stopped and continued have another one.
    """
    same_code = recorded.get(CODE) == again.get(CODE)
    if not same_code:
        again = {name: value for name, value in again.items() if name in recorded} | {CODE: recorded.get(CODE)}
    texts = [
        {name: json.dumps(lasting(value), sort_keys=True) for name, value in result.items()}
        for result in (recorded, again)
    ]
    names = dict.fromkeys((*recorded, *again))
    differing = [name for name in names if name not in PASSING and texts[0].get(name) != texts[1].get(name)]
    return {"same_code": same_code, "differing": differing}


def lasting(value: Any) -> Any:
    """A value of a result without what no two runs have in common."""
    if isinstance(value, dict):
        return {name: lasting(part) for name, part in value.items() if name not in PASSING}
    return [lasting(part) for part in value] if isinstance(value, list) else value


def comparisons(recorded: Path, again: Path) -> Iterator[dict[str, Any]]:
    """Every run in `again` beside the recorded one.  Raises :class:`UsageError` for one that was not recorded."""
    paths = sorted((again / RUNS).glob("*.jsonl"))
    if not paths:
        raise UsageError(f"{again / RUNS} holds no results; allowed: a folder that a campaign wrote")
    for path in paths:
        known = recorded / RUNS / path.name
        before = read(known) if known.exists() else {}
        for name, result in read(path).items():
            if name not in before:
                raise UsageError(f"{name} is not in {known}; allowed: runs that were recorded")
            yield {"run": name} | compared(before[name], result)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0 all the same, 1 some differ, 2 bad use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recorded", type=Path, help="folder of the recorded results")
    parser.add_argument("again", type=Path, help="folder of the results of the same runs, done again")
    args = parser.parse_args(argv)
    differ = 0
    try:
        for line in comparisons(args.recorded, args.again):
            print(json.dumps(line), flush=True)
            differ += bool(line["differing"])
    except (UsageError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if differ:
        print(f"error: {differ} runs differ from what was recorded", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
