"""Portable numerics: what compiler and options make of the kernels is the same to the bit, and what cannot be kept is
refused."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from spaces.parts.cpu import numerics

COMPUTE = """
import sys
from spaces.parts.cpu import numerics
numerics.choose("portable")
import torch
from spaces.parts.cpu.build import compiler
from spaces.parts.cpu.kernels import Convolution, Norm, apply, moments, slopes, unapply
found = []
for dtype in (torch.float32, torch.float64):
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    sizes = (3, 4, 4, 12, 20), (2, 5, 3, 5, 33), (2, 8, 9, 4, 16), (5, 1, 1, 3, 3)
    for groups, inputs, outputs, side, images in sizes:
        for kernel, stride, dilation in ((3, 1, 1), (3, 2, 2), (5, 1, 2), (5, 2, 1), (7, 1, 1)):
            x, mean = draw(groups * inputs, side, side, images), None
            norm = Norm(*moments(x), draw(len(x)), draw(len(x)), relu=True)
            matrices = draw(groups, outputs, inputs) if inputs > 1 else None
            convolution = Convolution(draw(len(x), 1, kernel, kernel), matrices, stride, dilation)
            y, *statistics = convolution.forward(x, norm)
            after, g = Norm(*statistics, draw(len(y)), draw(len(y)), relu=True), draw(*y.shape)
            sums, into = slopes(y, after, g), torch.empty_like(x)
            gradients = convolution.backward(x, norm, y, after, sums, g, into, train=True)
            normal = apply(y, after), unapply(y, after, sums, g)
            found += [part for part in (y, *statistics, sums, into, *gradients, *normal) if part is not None]
torch.save([compiler(), found], sys.argv[1])
"""


def run(code, *arguments, **environment):
    """A new process, with none of the variables that a numerics is."""
    inherited = {name: value for name, value in os.environ.items() if name not in numerics.VARIABLES}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=inherited | environment)


@pytest.fixture
def compilers(tmp_path):
    """Command lines of C compilers, each as a file that can be called."""
    found = {"gcc": ["gcc"], "gcc -O1": ["gcc", "-O1"], "clang": ["clang"]}
    found = {name: words for name, words in found.items() if shutil.which(words[0])}
    if find_spec("ziglang"):
        found |= {f"zig {level}": [sys.executable, "-m", "ziglang", "cc", level] for level in ("-O3", "-O1")}
    files = {}
    for name, (program, *options) in found.items():
        files[name] = tmp_path / name.replace(" ", "")
        before = " ".join(word for word in options if not word.startswith("-O"))
        after = " ".join(word for word in options if word.startswith("-O"))
        files[name].write_text(f'#!/bin/sh\nexec {program} {before} "$@" {after}\n')
        files[name].chmod(0o755)
    return files


@pytest.mark.slow
def test_every_compiler_gives_the_same_bits(compilers, tmp_path):
    """Of all kernels, forwards and backwards, in float32 and float64, with and without the compiler's best efforts."""
    if len(compilers) < 2:
        pytest.skip("no C compilers here to compare")
    results = {}
    for name, file in compilers.items():
        done = run(COMPUTE, tmp_path / "found", CC=str(file), XDG_CACHE_HOME=str(tmp_path / f"cache {name}"))
        assert done.returncode == 0 and not done.stderr, done.stderr
        compiler, results[name] = torch.load(tmp_path / "found", weights_only=True)
        assert ("GCC" in compiler) is name.startswith("gcc")
    first, *others = results.values()
    assert len(first) > 300 and all(part.isfinite().all() for part in first)
    for other in others:
        assert all(map(torch.equal, first, other))


CHOOSE = "from spaces.parts.cpu import numerics; numerics.choose({!r}); import torch; numerics.verify(); "
SAID = "import os; print(*map(os.environ.get, list(numerics.VARIABLES)[:3]), torch.backends.cpu.get_cpu_capability())"


def test_portable_overrules_what_is_set():
    done = run(CHOOSE.format("portable") + SAID, ATEN_CPU_CAPABILITY="default", MKL_CBWR="AVX2")
    assert done.stdout == "avx2 AVX2 COMPATIBLE AVX2\n", done.stderr


def test_native_is_not_what_was_portable_before():
    done = run(CHOOSE.format("native") + SAID, **numerics.VARIABLES)
    assert done.stdout.startswith("None None None "), done.stderr
    kept = run(CHOOSE.format("native") + SAID, MKL_CBWR="AVX2")
    assert kept.stdout.startswith("None None AVX2 "), kept.stderr


@pytest.mark.parametrize("code", ["import torch; ", CHOOSE.format("native")])
def test_too_late(code):
    done = run(code + "from spaces.parts.cpu import numerics; numerics.choose('portable')")
    assert done.stderr.splitlines()[-1].endswith(
        "torch is loaded already, with other numerics than portable: run this in a process of its own"
    )


def test_variables_that_came_too_late_are_found():
    """Set behind our back after torch was loaded: MKL has chosen its code for this processor."""
    code = "import torch, os; torch.ones(9, 9) @ torch.ones(9, 9); from spaces.parts.cpu import numerics; "
    done = run(code + "os.environ.update(numerics.VARIABLES); numerics.choose('portable'); numerics.verify()")
    assert "torch does not compute with portable numerics" in done.stderr.splitlines()[-1]


def test_a_processor_that_cannot(monkeypatch):
    monkeypatch.setattr(numerics, "processor", lambda: "x86_64 flags : fpu sse2 avx avx2 f16c")
    with pytest.raises(numerics.UserError, match="AVX2 and FMA: `numerics: native`"):
        numerics.choose("portable")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(numerics.UserError, match="x86-64"):
        numerics.choose("portable")


def test_names_of_numerics():
    with pytest.raises(numerics.UserError, match="one of portable, native, not 'fast'"):
        numerics.choose("fast")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_roots_are_rounded_as_ieee_754_says(dtype):
    """torch's own are not, on a processor with AVX-512: a sixth of them had another last bit."""
    x = 10 * torch.rand(5000, dtype=dtype, generator=torch.Generator().manual_seed(0))
    one = x.numpy().dtype.type(1)
    exact = torch.from_numpy(one / (one / np.sqrt(x.numpy())))
    assert torch.equal(numerics.root(x), exact) and torch.equal(numerics.roots([x])[0], exact)
    assert numerics.root(torch.zeros(1)) == 0
