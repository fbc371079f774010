"""What MLflow shows of a protocol before anybody looks at a run: the experiment's description and its ready views."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from harness.plan import registry

if TYPE_CHECKING:
    from harness.tracking.store import Client

DESCRIPTION = """**[Comparisons]({link}comparisons)** · **[trainings]({link}trainings)** · protocol {name}: {about}

Runs with role `comparison` are a method in its space on a dataset, compared with random architectures of that space
(`RI`: relative improvement in percent; `verdict`). Below each hang its searches and its trainings from scratch;
`test_accuracy` is measured once, after the last epoch.

Filters: `tags.dataset = 'digits'`,
`params.recipe.lr = '0.05'`, `tags.status != 'done'`."""
LINK = "#/experiments/{id}/runs?viewStateShareKey="
KIND = "custom_model_development"  # MLflow's word for what is not about language models; unset, its UI asks
VIEWS = {  # name: (filter, order, columns); as MLflow's own button "share" would store them
    "comparisons": (
        "tags.role = 'comparison'",
        "metrics.`RI`",
        [f"metrics.`{name}`" for name in ("RI", "RI_low", "RI_high", "p_holm")] + ["tags.`verdict`"],
    ),
    "trainings": (
        "tags.role = 'train' and tags.main = 'True'",
        "metrics.`test_accuracy`",
        [f"tags.`{name}`" for name in ("dataset", "space", "method", "seed", "status")]
        + [f"metrics.`{name}`" for name in ("test_accuracy", "parameters", "macs", "seconds")],
    ),
}


def experiment(client: Client, name: str, artifacts: Path | None) -> str:
    """Id of a protocol's experiment; one that was deleted in the UI is brought back."""
    found = client.get_experiment_by_name(name)
    if found and found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    known = found.tags if found else {}
    id_ = found.experiment_id if found else client.create_experiment(name, artifacts and artifacts.as_uri())
    for key, text in _tags(name, id_).items():
        if known.get(key) != text:
            client.set_experiment_tag(id_, key, text)
    return id_


def _tags(name: str, id_: str) -> dict[str, str]:
    about = import_module(f"protocols.{name}").__doc__ if name in registry.names("protocols") else None
    tags = {f"mlflow.sharedViewState.{view}": _view(*parts) for view, parts in VIEWS.items()}
    note = DESCRIPTION.format(name=name, about=(about or "").strip(), link=LINK.format(id=id_))
    return {**tags, "mlflow.note.content": note, "mlflow.experimentKind": KIND}


def _view(text: str, order: str, columns: list[str]) -> str:
    facets = {"searchFilter": text, "orderByKey": order, "orderByAsc": False, "startTime": "ALL"}
    facets |= {"lifecycleFilter": "Active", "datasetsFilter": [], "modelVersionFilter": "All Runs"}
    return json.dumps({**facets, "selectedColumns": columns})
