"""Adaptive search: Optuna proposes each point by what those before have reached.

Only for who has Optuna; imported at first use. Its ask-and-tell interface, with our journal as the
storage: a search that is resumed tells Optuna anew what is known.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial, TrialState, create_trial

from .axes import Axis
from .client import Client
from .kept import DONE, Kept, Point
from .results import lower_is_better
from .runner import Gone, Runner
from .values import Span, Value

HELD_OUT = "held-out loss"  # what is looked at while a run goes on
WARM_UP = 4  # runs that are never ended early: there is nothing to compare them with


class Searching(Runner):
    """As `Runner`; the next point is asked for when a server is free, until there are enough."""

    def __init__(self, kept: Kept, say: Callable[[str], None], give_up: float = 600) -> None:
        super().__init__(kept, say, give_up)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            direction="minimize" if lower_is_better(self.sweep.goal) else "maximize",
            # The liar: with several servers, what is on its way counts as no good.
            sampler=optuna.samplers.TPESampler(
                seed=self.sweep.seed + len(self.points), constant_liar=True
            ),
            # Of held-out losses, which are the less the better whatever the goal is.
            pruner=optuna.pruners.NopPruner(),
        )
        self.ways = {str(n): _distribution(axis) for n, axis in enumerate(self.sweep.axes)}
        self.trials: dict[int, Trial] = {}
        self.seen: dict[int, dict[int, float]] = {}  # by point: held-out loss by step
        self.pruned: set[int] = set()
        for values, point in zip(self.sweep.points, self.points, strict=True):
            self._remember(values, point)

    def _remember(self, values: Sequence[Value], point: Point) -> None:
        value = _goal(point, self.sweep.goal)
        if point.state == DONE and value is not None:
            params = {str(number): one for number, one in enumerate(values)}
            self.study.add_trial(create_trial(params=params, distributions=self.ways, value=value))

    def can_ask(self) -> bool:
        return len(self.points) < self.sweep.count

    def ask(self) -> int:
        trial = self.study.ask(self.ways)
        values = tuple(trial.params[str(n)] for n in range(len(self.sweep.axes)))
        self.kept.ask(values)
        self.sweep = replace(self.sweep, points=(*self.sweep.points, values))
        self.points.append(Point())
        self.trials[len(self.points) - 1] = trial
        return len(self.points) - 1

    async def during(self, client: Client, number: int) -> None:
        """End a run whose held-out loss is worse than most others had at the same step."""
        names = self.sweep.run_names(number)
        if number in self.pruned or len(names) != 1:
            return
        (name,) = names.values()
        try:
            told = await self.get(client, f"/atelier/sweeps/runs/{name}")
        except aiohttp.ClientResponseError:
            return  # it has not begun
        score = told["scores"].get(HELD_OUT)
        if not score:
            return
        self.seen.setdefault(number, {})[told["steps"]] = score["value"]
        if self._hopeless(number, told["steps"], score["value"]):
            self.pruned.add(number)
            self.say(f"{self.sweep.point_name(number)}: ended early, its held-out loss is high")
            try:
                await client.post(f"/atelier/runs/{name}/stop", {})
            except (aiohttp.ClientError, OSError) as error:
                raise Gone(str(error)) from error

    def _hopeless(self, number: int, step: int, value: float) -> bool:
        """The median rule: worse than half of the others were by then.

        Golovin et al. (2017), Google Vizier, section 3.2.
        """
        others = []
        for other, losses in self.seen.items():
            by_then = [loss for at, loss in losses.items() if at <= step]
            if other != number and other not in self.pruned and by_then:
                others.append(min(by_then))
        others.sort()
        return len(others) >= WARM_UP and value > others[len(others) // 2]

    def after(self, number: int) -> None:
        trial = self.trials.pop(number, None)
        if trial is None:
            return
        value = _goal(self.points[number], self.sweep.goal)
        if self.points[number].state == DONE and value is None:
            logging.warning(
                "Point %d has no score %s, so the search learns nothing from it.",
                number + 1,
                self.sweep.goal,
            )
        if value is None:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, value)


def _goal(point: Point, goal: str) -> float | None:
    scores: dict[str, Any] = (point.told.get("facts") or {}).get("scores", {})
    return scores[goal]["value"] if goal in scores else None


def _distribution(axis: Axis) -> BaseDistribution:
    """Spans as they are; lists as choices without an order."""
    if not isinstance(axis.values, Span):
        return CategoricalDistribution(list(axis.values))
    span = axis.values
    if span.whole:
        return IntDistribution(round(span.low), round(span.high), log=span.log)
    return FloatDistribution(span.low, span.high, log=span.log)
