"""The page of the frontier: tables, sentences and plots, all from recorded results."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.array.page import table
from benchmarks.frontier import plots
from benchmarks.frontier.arrays import (
    KINDS,
    SWITCHED,
    WORDS,
    Arrays,
    Line,
    best_arrays,
    form,
    per_mac,
    recorded,
    switched,
)
from benchmarks.frontier.points import (
    LEAST_SEEDS,
    OTHERS,
    OWN,
    OWN_CAMPAIGN,
    TITLES,
    TWO,
    Duel,
    Field,
    Network,
    Point,
    Weights,
    at_cost_of_others,
    at_cost_of_words,
    fields,
    networks,
)
from benchmarks.training.table import gain, standard_error
from benchmarks.training.tasks import TASKS
from rtl_gen.targets import TARGETS
from sw_ref.files import write_atomically

Fields = Sequence[Sequence[Field]]
"""Of each network a field for each target."""
Energy = Mapping[tuple[str, float], Line]
Duels = Callable[[Field], dict[Weights, Duel | None]]

COMMAND = "python -m benchmarks.frontier"
LATER = (TITLES["int8"], TITLES["apot4"])
VERDICTS = ("ahead", "level", "behind")
INTRO = """\
# Words against multipliers

This page answers one question: for what a network's arithmetic may cost, which weights keep most accuracy?
It joins what was recorded elsewhere: the [accuracy](../../training/results/README.md) of networks with each kind of
weights, and the [size](../../array/results/README.md) of an array for each.
"""
HOW = """\
## How to read it

- **Loss** is the test score less that of words with R = 100%, in points or dB. It is paired by seed, with its standard
  error and the number of seeds. The study of training leaves out {later}.
  These were trained later, beside R = 100% from the same float networks.
- **Cost** is LUTs per multiplication of an 8 x 8 array, times cycles. One word everywhere takes 1 cycle, and so do all
  other weights. Gates are counted in transistors, as Yosys estimates them.
- **Ahead** and **behind** are differences of more than two standard errors, and **level** is all between. They are
  paired by seed.
- **Bold** costs are on the Pareto front of their target: nothing that costs no more has a better mean.
- **Arrays** are the smallest of all forms that were measured, as the table below names them. Integers have four:
  Yosys's product, the same after `booth`, and two that were written by hand for
  [carry chains](../../../docs/decisions/baselines.md).
- **Training** is the best that this project has for each: `stlq-cycles` for words, LSQ for integers. All have a scale
  per output channel and 6-bit activations, as the arrays have. Words have 3 bits.

The page leaves out the clock and flip-flops. Scores are those of the networks as trained, which all kinds of weights
have; the last epochs in integers are for words alone.
"""
ARRAYS = """\
## The arrays

The smallest form of each, with its LUTs (transistors) per multiplication and its flip-flops, for 6-bit activations:
"""

ENERGY = """\
## Energy

Transistors that switch for a multiplication, in the smallest array of gates of each kind. The array's netlist was
simulated in Icarus Verilog, and all its sums are right. The weights are those of a convolution (16 x 16 channels, 3 x
3) of the demo's network, each kind rounded to its own numbers. The activations are codes of real images.
"""
MODEL = """\
- **Logic.** A change at an input of a NAND, a NOR or an inverter switches 2 transistors. A change at D or Q of a
  flip-flop switches 4. All gates have the same delay, so changes that are undone within a cycle count: *glitches*.
- **Clock.** Each flip-flop has 8 transistors on its clock, which switch twice a cycle. No clock is gated.
- **Not in the model**: wires and their capacitance, drivers, leakage, memories, and the delays of a real library.
- **Only the smallest form** of each kind was simulated. Another one may have fewer glitches.
"""


def write(folder: Path) -> None:
    """Page and plots of what is recorded, in `folder`."""
    arrays = best_arrays(recorded())
    found = fields(networks(), arrays)
    for own in found:
        plots.draw(own, folder / _picture(own[0].network))
    write_atomically(folder / "README.md", text(found, arrays, switched()).encode())


def text(found: Fields, arrays: Arrays, energy: Energy) -> str:
    """The page."""
    how = HOW.format(later=" and ".join(LATER))
    parts = [INTRO, *_short(found, energy), how, ARRAYS, _arrays(arrays), ENERGY, _energy(energy), MODEL]
    for own in found:
        parts += _network(own)
    return "\n".join([*parts, f"`{COMMAND}` wrote this page.\n"])


def _short(found: Fields, energy: Energy) -> Iterator[str]:
    yield "## In short\n"
    said = sentences(found)
    own, others = said[: -len(OTHERS)], said[-len(OTHERS) :]
    targets = ", ".join(target.title for target in TARGETS.values())
    yield f"A case is a kind of weights for a network on a target.\nThe {len(TARGETS)} targets are {targets}.\n"
    yield "Words with each R, beside the best other weights that cost no more:\n"
    yield "\n".join(own) + "\n"
    yield "Multipliers and sums of two shifts, beside the best words that cost no more:\n"
    yield "\n".join([*others, energy_sentence(energy)]) + "\n"
    yield "On how many targets words are ahead, level or behind, beside the best other weights that cost no more:\n"
    yield _verdicts(found, OWN, at_cost_of_words)
    yield "The same for other weights, beside the best words that cost no more:\n"
    yield _verdicts(found, OTHERS, at_cost_of_others)


def sentences(found: Fields) -> list[str]:
    """What the tables say, in counts."""
    one, some, many = OWN[:1], OWN[1:4], OWN[4:]
    own = {
        "One word everywhere": one,
        f"R = {some[0].ratio:.0%} to {some[-1].ratio:.0%}": some,
        f"R = {many[0].ratio:.0%} and {many[-1].ratio:.0%}": many,
    }
    said = [
        f"- **{title}.** {_said(_count(found, w, at_cost_of_words), 'nothing else costs')}" for title, w in own.items()
    ]
    for other in OTHERS:
        said.append(f"- **{other.label}.** {_said(_count(found, [other], at_cost_of_others), 'no words cost')}")
    return said


def energy_sentence(energy: Energy) -> str:
    """What words switch, beside the integers around them."""
    shown = {f"words (R = {0.15:.0%})": (WORDS, 0.15), TITLES["int3"]: ("int3", 0.0), TITLES["int4"]: ("int4", 0.0)}
    said = [f"{_all(energy[kind]):,.0f} with {name}" for name, kind in shown.items()]
    return f"- **Energy.** Transistors switched: {', '.join(said)}."


def _count(found: Fields, weights: Sequence[Weights], duels: Duels) -> Counter[str]:
    """How often words are ahead, level or behind; "" where nothing costs as little."""
    by_field = (duels(field) for own in found for field in own)
    return Counter(duel.verdict if duel else "" for by in by_field for kind, duel in by.items() if kind in weights)


def _said(count: Counter[str], others: str) -> str:
    if not count:
        return "Not measured yet."
    rest = f" In {count['']} {others} as little." if count[""] else ""
    return f"Words are {', '.join(f'{name} in {count[name]}' for name in VERDICTS)} of {count.total()} cases.{rest}"


def _verdicts(found: Fields, weights: Sequence[Weights], duels: Duels) -> str:
    rows = [(one.label, *(_cell(_count([own], [one], duels)) for own in found)) for one in weights]
    return table(("weights", *(own[0].network.title for own in found)), rows)


def _cell(count: Counter[str]) -> str:
    return ", ".join(f"{count[name]} {name or 'alone'}" for name in (*VERDICTS, "") if count[name]) or "missing"


def _arrays(arrays: Arrays) -> str:
    rows = [(TITLES.get(kind, "words"), *(_array(arrays[target][kind]) for target in TARGETS)) for kind in KINDS]
    return table(("weights", *(target.title for target in TARGETS.values())), rows)


def _array(line: Line | None) -> str:
    return "missing" if line is None else f"{per_mac(line):,.1f} ({form(line)}; {line['flip_flops']:,})"


def _energy(energy: Energy) -> str:
    columns = ("weights", "array", "logic", "without glitches", "clock", "logic and clock", "beside one word")
    return table(columns, [_switched(kind, ratio, energy) for kind, ratio in SWITCHED])


def _switched(kind: str, ratio: float, energy: Energy) -> tuple[str, ...]:
    label, line, one = Weights(kind, "", ratio).label, energy.get((kind, ratio)), energy[SWITCHED[0]]
    if line is None:
        return label, *["missing"] * 6
    parts = (f"{line[part]:,.0f}" for part in ("logic", "settled", "clock"))
    return label, form(line), *parts, f"{_all(line):,.0f}", f"{_all(line) / _all(one):.2f}"


def _all(line: Line) -> float:
    """All transistors that switch for a multiplication."""
    return line["logic"] + line["clock"]


def _network(own: Sequence[Field]) -> Iterator[str]:
    """A table of the points of a network, its plot, and what is missing."""
    network = own[0].network
    task = TASKS[network.task]
    unit = "points" if task.unit == "%" else task.unit
    columns = ("weights", f"test {task.primary} ({task.unit})", f"loss ({unit})", "cycles")
    yield f"## {network.title}\n"
    yield table(
        (*columns, *(f"cost, {TARGETS[field.target].title}" for field in own)),
        [_row(point, own) for point in network.points],
    )
    yield f"![Loss against cost on {network.title}: words as a line, other weights as points]({_picture(network)})\n"
    if network.missing:
        yield _missing(network)


def _missing(network: Network) -> str:
    labels = ", ".join(weights.label for weights in network.missing)
    methods = ",".join(dict.fromkeys((TWO.method, *(weights.method for weights in network.missing))))
    ratios = ",".join(f"{weights.ratio:g}" for weights in network.missing if weights in OWN) or "0"
    return (
        f"Missing, as fewer than {LEAST_SEEDS} seeds were trained: {labels}. To train them:\n\n```sh\n"
        f"python -m benchmarks.training campaign --tasks {network.task} --methods {methods} --ratios {ratios} "
        f"--seeds {LEAST_SEEDS} --out {OWN_CAMPAIGN}\n```\n"
    )


def _row(point: Point, own: Sequence[Field]) -> tuple[str, ...]:
    scores = list(point.scores.values())
    score = f"{statistics.fmean(scores):.2f} ± {standard_error(scores):.2f}"
    loss, costs = gain(list(point.losses.values()), 2), [_cost(point, field) for field in own]
    return point.weights.label, score, loss, f"{point.cycles:.3f}", *costs


def _cost(point: Point, field: Field) -> str:
    if point not in field.costs:
        return "missing"
    cost = f"{field.costs[point]:,.1f}"
    return f"**{cost}**" if point in field.front else cost


def _picture(network: Network) -> str:
    return f"{network.task}-{network.network}.svg"
