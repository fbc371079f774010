"""What MLflow shows of a protocol before anybody looks at a run: the experiment's description and its ready views."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from harness.plan import registry

if TYPE_CHECKING:
    from harness.tracking.store import Client

DESCRIPTION = """{summary} [Comparisons]({link}comparisons) · [trainings]({link}trainings)

Protocol {protocol}: {about}

Runs with role `comparison` are a method in its space on a dataset, compared with random architectures of that space
(`RI`: relative improvement in percent; `verdict`). Below each hang its searches and its trainings from scratch;
`test_accuracy_percent` is measured once, after the last epoch.

Filters: `tags.dataset = 'digits'`,
`params.recipe.lr = '0.05'`, `tags.status != 'done'`."""
LINK = "#/experiments/{id}/runs?workflowType=machine_learning&viewStateShareKey="
KIND = "custom_model_development"  # MLflow's word for what is not about language models; unset, its UI asks
AXES = [f"tags.`{name}`" for name in ("method", "dataset", "space")]
VIEWS = {  # key: (name, filter, order, columns); as MLflow's own menu "Views" would store them
    "comparisons": (
        "Comparisons with random",
        "tags.role = 'comparison'",
        "metrics.`RI`",
        [*AXES, "metrics.`test_accuracy_percent`", "metrics.`RI`", "tags.`verdict`"]
        + [f"metrics.`{name}`" for name in ("RI_low", "RI_high", "p_holm", "n", "random_n")],
    ),
    "trainings": (
        "Trainings from scratch",
        "tags.role = 'train' and tags.main = 'True'",
        "metrics.`test_accuracy_percent`",
        [*AXES, "tags.`seed`", "tags.`status`"]
        + [f"metrics.`{name}`" for name in ("test_accuracy_percent", "parameters", "macs", "system/seconds")],
    ),
}
PINNED = ["attributes.`Run Name`", "runDateAndNestInfo"]
"""The columns that are always there, on the left; of *Created* the sign of the status is wide enough."""
WIDTHS = {  # pixels; 100 where none are given: all to the verdict has room beside MLflow's assistant on 1600
    **dict(zip(PINNED, (135, 45))),
    **{"tags.`method`": 135, "tags.`dataset`": 80, "metrics.`RI`": 75, "tags.`seed`": 60, "tags.`status`": 80},
    **{"metrics.`test_accuracy_percent`": 165, "tags.`verdict`": 125, "metrics.`system/seconds`": 130},
}


class Experiment:
    """The experiment of a configuration, or of all records of a protocol; one that was deleted in the UI is brought
    back."""

    def __init__(self, client: Client, name: str, protocol: str, artifacts: Path | None) -> None:
        self.client, self.protocol = client, protocol
        found = client.get_experiment_by_name(name)
        if found and found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        self.id = found.experiment_id if found else client.create_experiment(name, artifacts and artifacts.as_uri())
        self.known = dict(found.tags) if found else {}
        created = found.creation_time if found else 0
        views = {f"mlflow.sharedViewState.{key}": _view(created or 0, *parts) for key, parts in VIEWS.items()}
        self._set({**views, "mlflow.experimentKind": KIND})
        if not found:
            self.describe("")

    def describe(self, summary: str) -> None:
        """`summary`: what came out, its first line."""
        known = self.protocol in registry.names("protocols")
        about = import_module(f"protocols.{self.protocol}").__doc__ if known else None
        facts = {"protocol": self.protocol, "about": (about or "").strip(), "link": LINK.format(id=self.id)}
        self._set({"mlflow.note.content": DESCRIPTION.format(summary=summary, **facts).strip()})

    def _set(self, tags: dict[str, str]) -> None:
        for key, text in tags.items():
            if self.known.get(key) != text:
                self.client.set_experiment_tag(self.id, key, text)
                self.known[key] = text


def _view(created: int, name: str, text: str, order: str, columns: list[str]) -> str:
    """As MLflow's menu keeps it: a name, and the state of its page as a text."""
    facets = {"searchFilter": text, "orderByKey": order, "orderByAsc": False, "startTime": "ALL"}
    facets |= {"lifecycleFilter": "Active", "datasetsFilter": [], "modelVersionFilter": "All Runs"}
    shown = {"selectedColumns": columns, "columnOrder": [*PINNED, *columns], "columnWidths": WIDTHS}
    return json.dumps({"name": name, "createdAt": created, "updatedAt": created, "state": json.dumps(facets | shown)})
