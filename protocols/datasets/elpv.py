"""ELPV: electroluminescence photographs of 2,624 solar cells, grey, 300x300."""

from __future__ import annotations

from pathlib import Path

from protocols.datasets.base import Dataset, RawData
from protocols.datasets.parts.splits import divided


class Elpv(Dataset):
    """Defective is a probability of 2/3 or more: the experts gave 0, 1/3, 2/3 or 1. No photograph is left out."""

    classes = 4
    inputs = 1
    flip = True
    images = 1_311
    source = (
        "elpv-dataset: 2,624 electroluminescence photographs of solar cells, 300x300, from 44 modules "
        "(Buerhop-Lutz et al. 2018; Deitsch et al. 2019, doi 10.1016/j.solener.2019.02.067)"
    )
    licence = "CC BY-NC-SA 4.0"
    split = (
        "mono or poly x functional (defect probability 0 or 1/3) or defective (2/3 or 1); every cell is used, "
        "the experts' doubt stays as label noise; 25/25/50 per cent of each of the 8 (type, probability) groups, drawn "
        "from a fixed seed: 654 train, 657 val, 1,313 test; modules are not named, so splits may share one"
    )
    package = "elpv_dataset"

    def read(self, root: Path) -> RawData:
        from importlib.resources import files

        folder = Path(str(files("elpv_dataset"))) / "data"
        rows = [row.split() for row in (folder / "labels.csv").read_text(encoding="utf-8").splitlines()]
        items = [
            (folder / path, 2 * ("mono", "poly").index(kind) + (float(probability) > 0.5))
            for path, probability, kind in rows
        ]
        groups = [f"{kind} {float(probability):.2f}" for _, probability, kind in rows]
        names = ("mono functional", "mono defective", "poly functional", "poly defective")
        return RawData(names, *divided(items, groups, (0.25, 0.25, 0.5), seed="elpv"))
