"""The golden numbers of tests/portable.py hold on this processor and on emulated ones."""

import shutil
from importlib.metadata import version

import pytest

from spaces.parts.cpu import build, numerics
from tests.portable import GOLDEN, computed, golden

HIDDEN = {  # what a user's environment may hold; the C library is told of no AVX-512
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "AVX2",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ",
}
QEMU = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")

pytestmark = [
    pytest.mark.skipif(not numerics.portable(), reason="portable numerics need x86-64 with AVX2 and FMA"),
    pytest.mark.skipif(
        version("torch") != golden()["kernels"]["torch"], reason=f"{GOLDEN.name} was made with another torch"
    ),
]
compiled = pytest.mark.skipif(not build.expected(True), reason="no C compiler here")


@compiled
@pytest.mark.parametrize("environment", [{}, HIDDEN], ids=["plain", "disguised"])
def test_on_this_processor(environment):
    assert computed(**environment) == golden()["kernels"]


def test_on_this_processor_without_kernels():
    assert computed(NAS_KERNELS="0") == golden()["layers"]


def test_kernels_and_layers_are_two_numerics():
    """They agree in what is rounded last, and are far from agreeing in every bit."""
    kernels, layers = golden()["kernels"], golden()["layers"]
    for space in kernels.keys() - {"torch"}:
        first, second = (part[space]["curves"]["search"]["train_loss"][0] for part in (kernels, layers))
        assert first == pytest.approx(second, rel=1e-3)
        assert kernels[space]["weights"] != layers[space]["weights"]


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="no qemu-x86_64 here (Debian's package qemu-user)")
@pytest.mark.parametrize("processor", ["Haswell", "EPYC-Rome"])
@pytest.mark.parametrize("layers", ["kernels", "layers"])
def test_on_an_emulated_processor(processor, layers):
    if layers == "kernels" and not build.expected(True):
        pytest.skip("no C compiler here")
    environment = {"NAS_KERNELS": "0"} if layers == "layers" else {}
    assert computed(QEMU, "-cpu", processor, **environment) == golden()[layers]
