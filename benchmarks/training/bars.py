"""The verdict of a campaign: each aim of the method, per network met or missed, and by how much."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.training.table import OURS, REFERENCE, Row, by_network, gain, paired, standard_error
from benchmarks.training.tasks import TASKS
from sw_ref.train.methods import find_method

LOSS = {0.15: {"%": 0.3, "dB": 0.1}, 0.05: {"%": 0.5, "dB": 0.2}}
"""By ratio and unit: what a method may lose against R = 100%."""
PAPER, SHARE = "stlq", 0.5
"""The paper's selection per layer, and the share of its loss that one budget for the network may have."""
BETTER, NOT_WORSE = ("filter-threshold", "no-v", "one-word"), ("lsq3", "apot3")

POINTS = {"%": "points"}
"""Differences of percentages have another unit."""
DIGITS = 2
LEGEND = """A cell is the mean difference on the test split, paired by seed, and its standard error.
The number of seeds is in brackets. Against R = 100% a mean within the bar meets it. "Not worse" is a mean of 0 or more.
"Better" is a gain of more than two standard errors, and "open" is a smaller gain.
Of a share of the loss less is better: 0% is as good as R = 100%.
"""

_shown = partial(gain, digits=DIGITS)

Lines = list[tuple[str, list[str]]]
"""Lines of a table: what is compared, and a cell for each network, "" where it was not."""


@dataclass(frozen=True)
class Network:
    """The rows of one network of a task."""

    task: str
    network: str
    rows: Sequence[Row]

    def row(self, method: str, ratio: float) -> Row | None:
        """A method's row at `ratio`, or at the ratio that is the method's own."""
        own = find_method(method).ratio
        wanted = (method, ratio if own is None else own)
        return next((row for row in self.rows if (row.method, row.ratio) == wanted), None)

    def differences(self, method: str, other: str, ratio: float) -> list[float]:
        """The score of `method` less that of `other`, seed by seed; nothing unless two seeds have both."""
        one, two = self.row(method, ratio), self.row(other, ratio)
        found = paired(one, two) if one is not None and two is not None else []
        return found if len(found) > 1 else []


def markdown(rows: Sequence[Row]) -> str:
    """How to read it, and four tables with a column for each network; or that nothing can be compared yet."""
    networks = [Network(*name, own) for name, own in by_network(rows).items()]
    headings = [f"{n.task}, {n.network} ({POINTS.get(unit := TASKS[n.task].unit, unit)})" for n in networks]
    tables = {
        "less R = 100%": _losses(networks),
        f"share of the loss of `{PAPER}`; bar: half": _shares(networks),
        "our method less a baseline": _against_baselines(networks),
        "less R = 100%, without a bar": _others(networks),
    }
    parts = [_table(title, headings, lines) for title, lines in tables.items() if any(any(c) for _, c in lines)]
    return "\n".join([LEGEND, *parts]) if parts else "No two seeds have two methods that can be compared yet.\n"


def _table(title: str, headings: Sequence[str], lines: Lines) -> str:
    kept = [f"| {label} | {' | '.join(cell or '-' for cell in cells)} |\n" for label, cells in lines if any(cells)]
    return f"| {title} | {' | '.join(headings)} |\n{'|---' * (len(headings) + 1)}|\n{''.join(kept)}"


def _losses(networks: Sequence[Network]) -> Lines:
    return [
        (
            f"`{method}` {ratio:.0%}; bar: {bars['%']} points, {bars['dB']} dB",
            [_loss(n.differences(method, REFERENCE, ratio), bars.get(TASKS[n.task].unit)) for n in networks],
        )
        for ratio, bars in LOSS.items()
        for method in OURS
    ]


def _loss(differences: Sequence[float], bar: float | None) -> str:
    if not differences or bar is None:
        return _shown(differences)
    missing = -bar - statistics.fmean(differences)
    return f"{_shown(differences)}, {'met' if missing <= 0 else f'missed by {missing:.3f}'}"


def _shares(networks: Sequence[Network]) -> Lines:
    return [
        (f"`{method}` {ratio:.0%}", [_share(n, method, ratio) for n in networks])
        for ratio in LOSS
        for method in OURS
        if method != PAPER
    ]


def _share(network: Network, method: str, ratio: float) -> str:
    rows = [row for name in (method, PAPER, REFERENCE) if (row := network.row(name, ratio)) is not None]
    gained = network.differences(method, PAPER, ratio)
    # Of the seeds that all three have: the shares of other seeds' losses would be compared otherwise.
    common = set.intersection(*(set(row.scores) for row in rows)) if len(rows) == 3 else set()
    if not gained or not common:
        return ""
    own, paper, reference = (statistics.fmean(row.scores[seed] for seed in common) for row in rows)
    lost, of = own - reference, paper - reference
    if of >= 0:
        return f"nothing lost, {_shown(gained)}"
    return f"{lost / of:.0%} of it, {_shown(gained)}, {'met' if lost >= SHARE * of else 'missed'}"


def _against_baselines(networks: Sequence[Network]) -> Lines:
    return [
        (
            f"`{method}` {ratio:.0%} less `{baseline}`; bar: {'better' if baseline in BETTER else 'not worse'}",
            [_against(n.differences(method, baseline, ratio), baseline in BETTER) for n in networks],
        )
        for ratio in LOSS
        for method in OURS
        for baseline in (*BETTER, *NOT_WORSE)
    ]


def _against(differences: Sequence[float], better: bool) -> str:
    if not differences:
        return ""
    mean = statistics.fmean(differences)
    if better:
        verdict = "met" if mean > 2 * standard_error(differences) else "open" if mean > 0 else "missed"
    else:
        verdict = "met" if mean >= 0 else f"missed by {-mean:.3f}"
    return f"{_shown(differences)}, {verdict}"


def _others(networks: Sequence[Network]) -> Lines:
    columns = dict.fromkeys((row.method, row.ratio, row.label) for network in networks for row in network.rows)
    return [
        (f"`{method}`{label.removeprefix(method)}", [_shown(n.differences(method, REFERENCE, ratio)) for n in networks])
        for method, ratio, label in columns
        if method != REFERENCE and not (method in OURS and ratio in LOSS)
    ]
