"""Planning needs no torch: spaces are imported, sampled, written and read without it."""

import subprocess
import sys

from harness.plan import registry

CODE = """
import random, sys
from harness.plan import registry
for name in registry.names("spaces"):
    space = registry.space(name)
    arch = space.sample(random.Random(0))
    assert space.parse(space.text(arch)) == arch
    assert hasattr(space, "layer_shapes") == hasattr(space, "layers")
    if hasattr(space, "layer_shapes"):
        assert len(space.layer_shapes(space.published)) == len(space.choices)
assert "torch" not in sys.modules
"""


def test_spaces_need_no_torch_until_a_network_is_built():
    subprocess.run([sys.executable, "-c", CODE], check=True, cwd=registry.ROOT)
