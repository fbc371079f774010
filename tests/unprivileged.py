"""Commands that may not write where permissions forbid it, also where the tests run as root."""

import os
import shutil

import pytest

PREFIX = [] if os.geteuid() else ["setpriv"]
"""In front of a command."""
if PREFIX:
    PREFIX += [f"--{kind}=-dac_override,-dac_read_search" for kind in ("bounding-set", "inh-caps")]

needed = pytest.mark.skipif(
    bool(PREFIX) and not shutil.which("setpriv"), reason="no setpriv: root may write everywhere"
)
