"""The example of "A table of anyone's runs" in docs/using.md is what its command gives."""

from harness.__main__ import main
from tests.pages import fences, section, text


def test_the_example_is_what_the_command_gives(tmp_path, monkeypatch):
    part = section(text("docs/using.md"), "A table of anyone's runs")
    csv, command, pooled, by_dataset = (fence.code for fence in fences(part))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.csv").write_text(csv)
    assert main(command.split()[3:]) == 0
    assert pooled == (tmp_path / "judged/methods.md").read_text(encoding="utf-8")
    assert f"\n\n{by_dataset}" in (tmp_path / "judged/verdicts.md").read_text(encoding="utf-8")
    assert "Left out, because a method has no RI there: cars." in (tmp_path / "judged/ranking.md").read_text()
    assert "No rows." in (tmp_path / "judged/costs.md").read_text()
    assert (tmp_path / "judged/figures/ri.svg").exists()
