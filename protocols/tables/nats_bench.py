"""NATS-Bench's and NAS-Bench-201's official files (Dong et al., TPAMI 2021; Dong and Yang, ICLR 2020).

NATS-tss-v1_0-….pickle.pbz2 or NATS-sss-v1_0-….pickle.pbz2, the folder NATS-…-simple of one file an architecture with
meta.pickle.pbz2, or NAS-Bench-201-v1_1-….pth. (The -full folders hold weights, which are refused.) Every trial of every
schedule becomes a row: 12 and 200 epochs for topologies, 1, 12 and 90 for sizes. Of a trial its last epoch is read:
the middle of a longer schedule is another fidelity.

CIFAR-10 is two data sets there. "cifar10-valid" trains on half of the training images and gives validation and seconds;
"cifar10" trains on all and gives test. Elsewhere one network gives both, x-valid and x-test, two halves of the original
test images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from protocols.tables.parts import pickles
from protocols.tables.parts.format import Format, Imported
from spaces.base import UserError
from spaces.parts.declared import COPY, PREFIX

SETS = {  # of the files: (our name, validation, test)
    "cifar10-valid": ("cifar10", "x-valid", ""),
    "cifar10": ("cifar10", "", "ori-test"),
    "cifar100": ("cifar100", "x-valid", "x-test"),
    "ImageNet16-120": ("imagenet16_120", "x-valid", "x-test"),
}
SCHEDULES = {"less": 12, "full": 200}  # as NAS-Bench-201 calls them; NATS-Bench has numbers
SUFFIX = ".pickle.pbz2"
META = f"meta{SUFFIX}"
LAYERS, WIDTHS = 5, range(8, 65, 8)
SIZES = f"""\
name: nats_sizes
decisions:
{"".join(f"  layer{i}: {list(WIDTHS)}{chr(10)}" for i in range(1, LAYERS + 1))}\
text: "{":".join(f"{{layer{i}}}" for i in range(1, LAYERS + 1))}"
"""
"""The size space: the channels of five layers."""
UNITS = {"latency": "s"}
NOTES = (
    "cifar10: validation accuracies are of networks trained on 25,000 images, test accuracies of networks trained on "
    "all 50,000, as published",
)


class NatsBench(Format):
    wanted = "an official file or -simple folder of NATS-Bench, or NAS-Bench-201's .pth"

    def recognises(self, sources: Sequence[Path]) -> bool:
        if len(sources) != 1:
            return False
        (source,) = sources
        return (source / META).is_file() or (source.is_file() and source.name.endswith((SUFFIX, ".pth")))

    def read(self, sources: Sequence[Path]) -> Imported:
        import pandas as pd

        (source,) = sources
        rows = [row for arch, schedules in _architectures(source) for row in _rows(arch, schedules, source)]
        if not rows:
            raise UserError(f"{source} holds no trial of {', '.join(SETS)}")
        frame = pd.DataFrame(rows).groupby(["arch", "dataset", "seed", "epochs"], sort=False).first().reset_index()
        citation = "Dong et al., NATS-Bench, TPAMI 2021"
        if "|" in frame["arch"].iloc[0]:
            return Imported("nasbench201", frame, UNITS, NOTES, citation)
        return Imported(f"{PREFIX}{COPY}", frame, UNITS, NOTES, citation, files={COPY: SIZES.encode()})


def _architectures(source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(architecture's text, its trials by schedule)."""
    try:
        if source.is_dir():
            texts = pickles.read(source / META)["meta_archs"]
            for path in sorted(source.glob(f"*{SUFFIX}")):
                if path.name != META:
                    yield texts[int(path.name.removesuffix(SUFFIX))], pickles.read(path)
            return
        content = pickles.read_pth(source) if source.suffix == ".pth" else pickles.read(source)
        for index in sorted(content["arch2infos"]):
            yield content["meta_archs"][index], content["arch2infos"][index]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{source} has not the layout of NATS-Bench: {type(error).__name__} {error}") from None


def _rows(arch: str, schedules: dict[str, Any], source: Path) -> Iterator[dict[str, Any]]:
    try:
        for schedule, found in schedules.items():
            for (name, seed), trial in found["all_results"].items():
                if name in SETS:
                    epochs = SCHEDULES.get(schedule) or int(schedule)
                    yield {"arch": arch, "seed": int(seed), "epochs": epochs, **_trial(name, trial)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{source}, {arch}: not the layout of NATS-Bench: {type(error).__name__} {error}") from None


def _trial(name: str, trial: dict[str, Any]) -> dict[str, Any]:
    """What one training gives, after its last epoch."""
    dataset, validation, test = SETS[name]
    last, accuracies = trial["epochs"] - 1, trial["eval_acc1es"]
    row = {"dataset": dataset, "parameters": round(trial["params"] * 1e6), "macs": round(trial["flop"] * 1e6)}
    if validation:
        row["validation"] = accuracies[f"{validation}@{last}"] / 100
        if trial["train_times"]:
            row["seconds"] = float(sum(trial["train_times"].values()))
    if test:
        row["test"] = accuracies[f"{test}@{last}"] / 100
    if trial["latency"]:
        row["latency"] = float(sum(trial["latency"]) / len(trial["latency"]))
    return row
