"""Letters that matplotlib's own font lacks: drawn from another font, or said in one line."""

import pytest
from matplotlib import font_manager, get_data_path

from harness.report.build import build
from harness.report.figures import fonts

OTHER = f"{get_data_path()}/fonts/ttf/STIXGeneral.ttf"


def letters(path):
    return set(font_manager.get_font(path).get_charmap())


@pytest.fixture
def asked(monkeypatch):
    """(function) The names of other fonts that are asked for."""
    yield lambda *names: (monkeypatch.setattr(fonts, "OTHERS", names), fonts.families.cache_clear())
    fonts.families.cache_clear()


def drawn(folder, method):
    runs = [f"d,s,{name},{i},{80 + i}" for name in ("random_sampling", method) for i in range(2)]
    (folder / "runs.csv").write_text("\n".join(["dataset,space,method,seed,accuracy", *runs]), encoding="utf-8")
    build(folder / "runs.csv", folder / "out")
    return (folder / "out/figures/methods.svg").read_text()


def test_letters_that_no_font_has_are_one_line(tmp_path, asked, capfd):
    asked()
    drawn(tmp_path, "\u795e\u7ecf\ubc29\ubc95")
    said = capfd.readouterr().err
    assert said.startswith("warning: no known font has the letters \u795e\u7ecf\ubc29\ubc95, which are boxes")
    assert said.count("\n") == 1


def test_another_font_has_them(tmp_path, asked, capfd):
    own = letters(font_manager.findfont(fonts.OWN))
    letter = chr(next(code for code in sorted(letters(OTHER) - own) if chr(code).isalpha()))
    asked("STIXGeneral", "one that is not installed")
    assert "STIXGeneral" in drawn(tmp_path, letter * 3)
    assert capfd.readouterr().err == ""
