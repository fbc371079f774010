"""All that is known of a set of results, each quantity computed when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from harness.analysis.against_search import against_search
from harness.analysis.anytime import anytime
from harness.analysis.calibration import calibration
from harness.analysis.collapse import collapse
from harness.analysis.collapse import course as collapse_course
from harness.analysis.cost_matched import cost_matched
from harness.analysis.costs import costs
from harness.analysis.courses import courses
from harness.analysis.depth_gap import depth_gap, depth_points
from harness.analysis.fronts import front_points, fronts
from harness.analysis.panels import Panel, panels
from harness.analysis.pooled import pooled
from harness.analysis.proxies import proxies
from harness.analysis.ranking import ranking
from harness.analysis.regressions import regressions
from harness.analysis.relative_improvement import relative_improvement
from harness.analysis.results import Results
from harness.analysis.run_times import run_times
from harness.analysis.runs import finished_runs, runs
from harness.analysis.searched import searched
from harness.analysis.studies import studies, study_components, study_times
from harness.analysis.study_points import study_points, study_swaps
from harness.analysis.variance import variance
from harness.plan.studies import Study
from harness.plan.wirings import LABEL


@dataclass(frozen=True)
class Analysis:
    """Each data frame is described at the function of the same name. They are shared: never change one."""

    results: Results
    planned: Sequence[Study] | None = None  # the studies of the configuration, where there is one

    @cached_property
    def methods(self) -> list[str]:
        return self._names("method")

    @cached_property
    def spaces(self) -> list[str]:
        return self._names("space")

    def _names(self, column: str) -> list[str]:
        return sorted({*self._judged[column], *self.results.searches[column]})

    @cached_property
    def _judged(self) -> pd.DataFrame:
        """The trainings without those that a study drew for itself: nothing found these architectures."""
        trainings = self.results.trainings
        return trainings[~trainings["method"].str.startswith(LABEL)]

    @cached_property
    def runs(self) -> pd.DataFrame:
        return runs(self._judged, self.results.searches)

    @cached_property
    def finished_runs(self) -> pd.DataFrame:
        return finished_runs(self.runs)

    @cached_property
    def relative_improvement(self) -> pd.DataFrame:
        return relative_improvement(self.runs)

    @cached_property
    def pooled(self) -> pd.DataFrame:
        return pooled(self.runs)

    @cached_property
    def against_search(self) -> pd.DataFrame:
        return against_search(self.runs, self.results.searches)

    @cached_property
    def calibration(self) -> pd.DataFrame:
        return calibration(self.runs)

    @cached_property
    def ranking(self) -> pd.DataFrame:
        return ranking(self.relative_improvement)

    @cached_property
    def costs(self) -> pd.DataFrame:
        return costs(self.runs, self.results.searches)

    @cached_property
    def cost_matched(self) -> pd.DataFrame:
        return cost_matched(self.runs, self.costs)

    @cached_property
    def fronts(self) -> pd.DataFrame:
        return fronts(self.finished_runs, self.results.members)

    @cached_property
    def front_points(self) -> pd.DataFrame:
        return front_points(self.finished_runs, self.results.members)

    @cached_property
    def depth_gap(self) -> pd.DataFrame:
        return depth_gap(self._unvaried)

    @cached_property
    def depth_points(self) -> pd.DataFrame:
        return depth_points(self._unvaried)

    @cached_property
    def variance(self) -> pd.DataFrame:
        return variance(self._unvaried)

    @cached_property
    def _unvaried(self) -> pd.DataFrame:
        """Trainings that differ from the main one in cells and repeat alone."""
        return self._judged[self._judged["variant"] == ""]

    @cached_property
    def panels(self) -> list[Panel]:
        return panels(self.results.trainings, self.planned)

    @cached_property
    def studies(self) -> pd.DataFrame:
        return studies(self.panels)

    @cached_property
    def study_components(self) -> pd.DataFrame:
        return study_components(self.panels)

    @cached_property
    def study_points(self) -> pd.DataFrame:
        return study_points(self.panels)

    @cached_property
    def study_swaps(self) -> pd.DataFrame:
        return study_swaps(self.panels)

    @cached_property
    def study_times(self) -> pd.DataFrame:
        return study_times(self.panels)

    @cached_property
    def courses(self) -> pd.DataFrame:
        return courses(self.results.curves)

    @cached_property
    def searched(self) -> pd.DataFrame:
        return searched(self.results.curves, self.finished_runs)

    @cached_property
    def collapse_course(self) -> pd.DataFrame:
        return collapse_course(self.results.curves)

    @cached_property
    def collapse(self) -> pd.DataFrame:
        return collapse(self.collapse_course, self.results.shared, self.results.trainings)

    @cached_property
    def regressions(self) -> pd.DataFrame:
        return regressions(self.results.curves)

    @cached_property
    def anytime(self) -> pd.DataFrame:
        return anytime(self.results.progress)

    @cached_property
    def proxies(self) -> pd.DataFrame:
        return proxies(self.results.trainings, self.results.scores)

    @cached_property
    def run_times(self) -> pd.DataFrame:
        return run_times(self.results.searches, self.results.trainings)
