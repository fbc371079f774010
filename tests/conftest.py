"""Tests compute with portable numerics, as the protocols smoke and laptop do, where this processor can, and on one
thread, as jobs do: two processes of several threads each would wait for each other. Both are set before any of them
loads torch."""

import contextlib
import os

from spaces.base import UserError
from spaces.parts.cpu import numerics

os.environ.setdefault("OMP_NUM_THREADS", "1")
with contextlib.suppress(UserError):
    numerics.choose(numerics.PORTABLE)
