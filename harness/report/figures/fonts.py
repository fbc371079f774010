"""Letters that matplotlib's own font lacks, such as Chinese ones: from a font that is installed, or one line that says
that they are boxes."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from matplotlib import font_manager

OWN = "DejaVu Sans"
OTHERS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"),  # Linux
    *("Hiragino Sans", "PingFang SC", "PingFang HK", "Apple SD Gothic Neo", "Arial Unicode MS"),  # macOS
    *("Yu Gothic", "Meiryo", "Microsoft YaHei", "Malgun Gothic", "Nirmala UI", "Segoe UI Symbol"),  # Windows
)
"""What systems bring for them; matplotlib asks each in turn, letter by letter."""
MOST = 12  # letters in the line
MISSING = re.compile(r"Glyph (\d+) .* missing from")


@cache
def families() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [OWN, *(name for name in OTHERS if name in installed)]


@contextmanager
def boxes_said() -> Iterator[None]:
    """Instead of matplotlib's two lines for each such letter of each figure, one line for all figures drawn within."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # no lines on weights
    with warnings.catch_warnings(record=True) as found:
        yield
    letters = {}
    for each in found:
        if match := MISSING.match(str(each.message)):
            letters[chr(int(match[1]))] = True
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if letters:
        _say("".join(letters))


@cache
def _say(letters: str) -> None:
    some = letters[:MOST] + ("\u2026" if len(letters) > MOST else "")
    cure = "install one that does, such as Noto Sans CJK, and type the same command again"
    print(f"warning: no known font has the letters {some}, which are boxes in figures: {cure}", file=sys.stderr)
