"""Tests compute with portable numerics, as the protocols smoke and laptop do, where this processor can: set before any
of them loads torch."""

import contextlib

from spaces.base import UserError
from spaces.parts.cpu import numerics

with contextlib.suppress(UserError):
    numerics.choose(numerics.PORTABLE)
