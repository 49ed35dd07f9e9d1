"""Adaptive search: Optuna proposes each point by what those before have reached, and says which
runs are not worth their end.

Only for who has Optuna; imported at first use. Its ask-and-tell interface, with our journal as the
storage: a search that is resumed tells Optuna anew what is known.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
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
from .results import lower_is_better, scores_of
from .runner import Gone, Runner
from .values import Span, Value

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
            pruner=optuna.pruners.MedianPruner(n_startup_trials=WARM_UP),
        )
        self.ways = {str(n): _distribution(axis) for n, axis in enumerate(self.sweep.axes)}
        self.trials: dict[int, Trial] = {}
        self.reported: dict[int, set[int]] = {}  # by point: the steps that Optuna knows
        for values, point in zip(self.sweep.points, self.points, strict=True):
            self._remember(values, point)

    def _remember(self, values: Sequence[Value], point: Point) -> None:
        value = _goal(point, self.sweep.goal)
        early = bool(point.told.get("ended_early"))
        if point.state == DONE and (early or value is not None):
            self.study.add_trial(
                create_trial(
                    state=TrialState.PRUNED if early else TrialState.COMPLETE,
                    params={str(number): one for number, one in enumerate(values)},
                    distributions=self.ways,
                    value=None if early else value,
                    intermediate_values=self._course(point.told.get("facts") or {}),
                )
            )

    def _course(self, facts: Mapping[str, Any]) -> dict[int, float]:
        """The held-out loss by step, the less the better; turned where of the goal more is."""
        sign = 1 if lower_is_better(self.sweep.goal) else -1
        return {int(step): sign * float(loss) for step, loss in facts.get("held_out") or []}

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
        """End a run whose held-out loss is worse than half of the others had at the same step."""
        names = self.sweep.run_names(number)
        trial = self.trials.get(number)
        if number in self.pruned or trial is None or len(names) != 1:
            return
        (name,) = names.values()
        try:
            told = await self.get(client, f"/atelier/sweeps/runs/{name}")
        except aiohttp.ClientResponseError:
            return  # it has not begun
        known = self.reported.setdefault(number, set())
        for step, loss in self._course(told).items():
            if step not in known:
                known.add(step)
                trial.report(loss, step)
        if known and trial.should_prune():
            self.pruned.add(number)
            self.say(f"{self.sweep.point_name(number)}: ended early, its held-out loss is high")
            try:
                await client.post(f"/atelier/runs/{name}/stop", {})
            except (aiohttp.ClientError, OSError) as error:
                raise Gone(str(error)) from error

    def after(self, number: int) -> None:
        trial = self.trials.pop(number, None)
        if trial is None:
            return
        point = self.points[number]
        value = _goal(point, self.sweep.goal)
        if point.state == DONE and number in self.pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        elif value is not None:
            self.study.tell(trial, value)
        else:
            if point.state == DONE:
                logging.warning(
                    "Point %d has no score %s, so the search learns nothing from it.",
                    number + 1,
                    self.sweep.goal,
                )
            self.study.tell(trial, state=TrialState.FAIL)


def _goal(point: Point, goal: str) -> float | None:
    scores = scores_of(point)
    return scores[goal]["value"] if goal in scores else None


def _distribution(axis: Axis) -> BaseDistribution:
    """Spans as they are; lists as choices without an order."""
    if not isinstance(axis.values, Span):
        return CategoricalDistribution(list(axis.values))
    span = axis.values
    if span.whole:
        return IntDistribution(round(span.low), round(span.high), log=span.log)
    return FloatDistribution(span.low, span.high, log=span.log)
