"""Seeds are hashes of named axes: adding a method, a dataset or a seed to a benchmark changes no other number."""

import hashlib
import json


def seed_of(**axes: str | int) -> int:
    """A seed of 63 bits; the order in which the axes are named does not matter."""
    text = json.dumps(axes, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
