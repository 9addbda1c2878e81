"""Which points to try next: Optuna's multi-objective search."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from rtl_gen.explore.space import Choice, Space
from rtl_gen.extras import missing

Scores = tuple[float, ...]
TRIES = 8
"""Suggestions per point that is wanted; some are known already."""


def random_choices(space: Space, count: int, seed: int) -> list[Choice]:
    """Different points, each as likely as any other; fewer if the space is smaller."""
    random, found = np.random.default_rng(seed), {}
    for _ in range(TRIES * count):
        places = {name: int(random.integers(len(values))) for name, values in space.values.items()}
        if len(found) < count:
            found[space.choice(places)] = None
    return list(found)


def better_choices(space: Space, known: Mapping[Choice, Scores], count: int, seed: int) -> list[Choice]:
    """New points that are likely to be better than what is known: scores, of which more is better.

    The same from the same: a search is a new study each time, so that all scores are today's estimates.
    """
    optuna = _library()
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, multivariate=True, constant_liar=True)
    width = len(next(iter(known.values())))
    study = optuna.create_study(directions=["maximize"] * width, sampler=sampler)
    domain = {n: optuna.distributions.IntDistribution(0, len(v) - 1) for n, v in space.values.items() if len(v) > 1}
    for choice, scores in known.items():
        places = space.places(choice)
        study.add_trial(
            optuna.trial.create_trial(
                params={name: places[name] for name in domain}, distributions=domain, values=list(scores)
            )
        )
    found: dict[Choice, None] = {}
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        places = dict.fromkeys(space.values, 0) | study.ask(domain).params
        if (choice := space.choice(places)) not in known:
            found[choice] = None
    return list(found)


def worse(scores: Scores, by: float) -> Scores:
    """The scores of a point that breaks a limit: the search sees where it got better."""
    return tuple(score - 10 - 10 * by for score in scores)


def check_library() -> None:
    """Raise :class:`CheckError` if Optuna is not installed, before any work is done."""
    _library()


def _library() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise missing(error.name or str(error)) from None
    logging.getLogger("optuna").setLevel(logging.ERROR)
    return optuna
