"""The dataset glyphs: which fonts are drawn."""

from protocols.datasets.glyphs import FONTS, LETTERS, font


def test_fonts_are_the_text_fonts_and_test_fonts_are_unseen():
    names = [name for fonts in FONTS.values() for name in fonts]
    assert len(names) == len({*names}) == 21  # no font twice
    for name in names:
        letters = {bytes(font(name).getmask(letter)) for letter in LETTERS}
        assert len(letters) == 26, f"{name} does not have 26 different capitals"
