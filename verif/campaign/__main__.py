"""`python -m verif.campaign NAME`: run a campaign, and record what it found under ``verif/results/``."""

import argparse
import importlib
import shlex
import sys

from rtl_gen.errors import UsageError
from verif.campaign.record import record

CAMPAIGNS = (
    *("configs", "mutation", "gates", "fuzz", "coverage", "software", "networks", "depthwise", "tiny", "large"),
    *("bus", "tiny_bus", "protocol", "pins", "boards", "workers", "engine"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m verif.campaign", description=__doc__)
    parser.add_argument("name", choices=CAMPAIGNS, help="see docs/verification.md")
    parser.add_argument("--count", type=int, help="how much to try (default: the recorded amount)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: 1)")
    args = parser.parse_args()
    campaign = importlib.import_module(f"verif.campaign.{args.name}")
    count = campaign.COUNT if args.count is None else args.count
    for option, value, low in (("count", count, 1), ("seed", args.seed, 0)):
        if value < low:
            parser.error(f"--{option} is {value}; allowed: {low} or more")
    command = f"python -m verif.campaign {shlex.quote(args.name)} --count {count} --seed {args.seed}"
    print(command, flush=True)
    try:
        result = campaign.run(count, args.seed)
    except UsageError as error:
        parser.error(str(error))
    path = record(args.name, command, {"seed": args.seed, "count": count, **result})
    print(f"{'pass' if result['ok'] else 'FAIL'}: {path}")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
