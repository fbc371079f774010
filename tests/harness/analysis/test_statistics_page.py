"""The example of docs/statistics.md is what its command gives."""

import re

from harness.__main__ import main
from harness.plan import registry


def test_the_example_is_what_the_command_gives(tmp_path, monkeypatch):
    page = (registry.ROOT / "docs/statistics.md").read_text(encoding="utf-8")
    csv, command, shown = (
        re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL).group(1) for kind in ("csv", "bash", "markdown")
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.csv").write_text(csv)
    assert main(command.split()[3:]) == 0
    assert shown == (tmp_path / "tables/verdicts.md").read_text(encoding="utf-8")
    assert "Left out, because a method has no RI there: cars." in (tmp_path / "tables/ranking.md").read_text()
    assert "No rows." in (tmp_path / "tables/costs.md").read_text()
    assert (tmp_path / "tables/figures/ri.svg").exists()
