"""The compiled kernels give torch's results and gradients for all shapes; without them layers give the same results."""

import itertools
import os
import shutil
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from spaces.parts.cpu import build, numerics
from spaces.parts.cpu.kernels import Convolution, Norm, apply, moments, slopes, unapply, usable
from spaces.parts.cpu.layout import as_maps

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11}
GENERATOR = torch.Generator()

pytestmark = pytest.mark.skipif(
    shutil.which(os.environ.get("CC", "cc")) is None or os.environ.get("NAS_KERNELS") == "0",
    reason="no C compiler here",
)


@pytest.fixture(autouse=True)
def seed():
    GENERATOR.manual_seed(0)


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64).to(dtype)


def close(ours, theirs):
    scale = max(float(theirs.abs().max()), 1.0)
    torch.testing.assert_close(ours.to(theirs.dtype), theirs, rtol=0, atol=TOLERANCE[theirs.dtype] * scale)


def applied(x, norm):
    """`apply` by torch: x is (channels, height, width, images); a mean in `norm` stands for the statistics of x."""
    maps = as_maps(x)
    if norm.mean is not None:
        maps = F.batch_norm(maps, None, None, norm.weight, norm.bias, training=True)
    elif norm.weight is not None:
        maps = maps * norm.weight[:, None, None]
    return (F.relu(maps) if norm.relu else maps).permute(1, 2, 3, 0)


SHAPES = [  # groups, inputs, outputs, height, width, images
    (3, 4, 4, 16, 16, 20),
    (2, 5, 3, 7, 5, 33),
    (1, 8, 9, 4, 4, 16),
    (2, 3, 6, 2, 3, 7),
    (6, 1, 1, 9, 12, 40),
    (5, 1, 1, 3, 3, 3),
]
KERNELS = [(3, 1, 1), (3, 2, 1), (3, 1, 2), (3, 2, 2), (5, 1, 1), (5, 2, 1), (5, 1, 2), (5, 2, 2), (7, 1, 1)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_convolution_equals_torch(shape, kernel, dtype):
    """With and without 1x1 kernels, on maps that all groups share and on normalised maps of each group."""
    groups, inputs, outputs, height, width, images = shape
    side, stride, dilation = kernel
    for shared, grouped, train in itertools.product((False, True), (inputs > 1,), (False, True)):
        if shared and not grouped:
            continue
        channels = groups * inputs
        x = drawn(inputs if shared else channels, height, width, images, dtype=dtype).requires_grad_()
        weight, bias = (drawn(channels, dtype=dtype).requires_grad_() for _ in range(2))
        after = [drawn(groups * outputs, dtype=dtype).requires_grad_() for _ in range(2)]
        kernels = drawn(channels, 1, side, side, dtype=dtype).requires_grad_()
        matrices = drawn(groups, outputs, inputs, dtype=dtype).requires_grad_() if grouped else None
        convolution = Convolution(kernels, matrices, stride, dilation)
        before = Norm(relu=True) if shared else Norm(*moments(x.detach()), weight, bias, relu=True)

        read = as_maps(applied(x, before))
        raw = convolution.plain(torch.cat([read] * groups, 1) if shared else read).permute(1, 2, 3, 0)
        expected = applied(raw, Norm(raw, raw, *after, relu=True))
        g = drawn(*expected.shape, dtype=dtype)
        wanted = [x, *([] if shared else [bias, weight]), *reversed(after), kernels, *([matrices] if grouped else [])]
        gradients = torch.autograd.grad(expected, wanted, g)

        with torch.no_grad():
            y, mean, inverse = convolution.forward(x, before)
            norm = Norm(mean, inverse, *after, relu=True)
            close(y, raw)
            close(apply(y, norm), expected)
            sums, into = slopes(y, norm, g), torch.zeros_like(x)
            *weights, inner = convolution.backward(x, before, y, norm, sums, g, into, train)
            ours = [into, *sums.unbind(1)]
            if not shared:
                ours = [unapply(x, before._replace(relu=False), inner, into), *inner.unbind(1), *sums.unbind(1)]
            ours += weights[: 1 + grouped] if train else []
            assert train or weights == [None, None]
        for mine, theirs in zip(ours, gradients):
            close(mine, theirs)


def test_a_gradient_is_added_on_request():
    x, kernels = drawn(4, 5, 5, 9), drawn(4, 1, 3, 3)
    convolution = Convolution(kernels)
    y, mean, inverse = convolution.forward(x, Norm())
    g, norm = drawn(*y.shape), Norm(mean, inverse)
    once, twice = torch.full_like(x, 7.0), torch.full_like(x, 7.0)
    convolution.backward(x, Norm(), y, norm, slopes(y, norm, g), g, once, False)
    convolution.backward(x, Norm(), y, norm, slopes(y, norm, g), g, twice, False, add=True)
    torch.testing.assert_close(twice, once + 7.0)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("times", [1, 3])
def test_channels_that_are_read_or_summed_several_times(times, dtype):
    few, many = drawn(2, 3, 5, 7, dtype=dtype), drawn(2 * times, 3, 5, 7, dtype=dtype)
    weight = drawn(2 * times, dtype=dtype)
    norm = Norm(*moments(few), weight)
    spread = apply(few, norm, torch.empty_like(many))
    plain = applied(few, Norm(few, few))
    close(spread, plain.repeat(times, 1, 1, 1) * weight[:, None, None, None])
    close(apply(few, norm, many.clone(), add=True), spread + many)
    sums = slopes(few, norm, many)
    close(sums[:, 0].to(dtype), many.sum((1, 2, 3)))
    close(sums[:, 1].to(dtype), (many * plain.repeat(times, 1, 1, 1)).sum((1, 2, 3)))
    summed = apply(many, Norm(weight=weight), torch.empty_like(few))
    close(summed, (many * weight[:, None, None, None]).unflatten(0, (times, 2)).sum(0))


def test_large_means_do_not_spoil_the_variance():
    """In float32, for channels whose mean is a thousand times their deviation."""
    x = 1000.0 + drawn(3, 16, 16, 64, dtype=torch.float32)
    mean, inverse = moments(x)
    deviation = (x.double().var((1, 2, 3), correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(inverse, deviation.reciprocal().float(), rtol=1e-5, atol=0)


def test_nan_stays_nan():
    x, kernels = drawn(2, 4, 4, 3), drawn(2, 1, 3, 3)
    x[1, 2, 2, 1] = float("nan")
    y, mean, inverse = Convolution(kernels).forward(x, Norm(relu=True))
    assert y[1].isnan().any() and mean[1].isnan() and inverse[1].isnan()
    assert apply(x, Norm(relu=True))[1, 2, 2, 1].isnan()
    assert y[0].isfinite().all()


def test_tensors_that_are_not_contiguous_are_refused():
    with pytest.raises(ValueError, match="contiguous"):
        moments(drawn(3, 4, 5, 6).transpose(1, 2))


@pytest.mark.parametrize("side", [2, 17])
def test_kernels_that_are_even_or_too_wide_are_refused(side):
    with pytest.raises(ValueError, match=f"not {side}"):
        Convolution(drawn(3, 1, side, side)).forward(drawn(3, 4, 4, 2), Norm())


def test_what_is_not_usable():
    assert usable(torch.zeros(2, 3)) and not usable(torch.zeros(0, 3)) and not usable(torch.zeros(2, dtype=torch.half))
    assert not usable(torch.zeros(2, 3, device="meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not usable(torch.zeros(2, 3))


LOGITS = """
import random, sys, torch
from harness.plan import registry
from spaces.parts.cpu.build import compiler
from spaces.base import Size
torch.manual_seed(0)
x, found = torch.randn(6, 3, 8, 8).double(), []
for name in ("darts", "enas", "fbnet", "single_path"):
    space = registry.space(name)
    arch = space.sample(random.Random(0))
    network = space.network(space.decode(arch), Size(4, 3, 5, 8)).double()
    supernet = space.supernet(Size(4, 3, 5, 8)).double()
    for logits in (network(x)[0], supernet(x, supernet.path(arch))):
        logits.square().sum().backward()
        found.append(logits.detach())
    weights = *network.parameters(), *supernet.parameters()  # biases that batch normalisation cancels have no gradient
    found += [torch.zeros(()).double() if p.grad is None else p.grad.norm() for p in weights]
torch.save([compiler(), found], sys.argv[1])
"""


def logits(path, **environment):
    command = [sys.executable, "-c", LOGITS, str(path)]
    subprocess.run(command, check=True, env=os.environ | environment)
    return torch.load(path, weights_only=True)


@pytest.mark.slow
def test_without_kernels_and_without_a_cache(tmp_path):
    """Networks and supernets of all spaces give the same with kernels, cached or not, and with torch's own layers."""
    kept = tmp_path / "cache"
    compiler, ours = logits(tmp_path / "a", XDG_CACHE_HOME=str(kept))
    libraries = sorted(file.name for file in (kept / "nas-vs-random").iterdir())
    assert compiler and libraries and all(name.endswith(".so") for name in libraries)
    again = logits(tmp_path / "b", XDG_CACHE_HOME=str(kept), PATH="/nowhere")[1]  # compiled already
    (tmp_path / "file").touch()
    unkept = logits(tmp_path / "c", XDG_CACHE_HOME=str(tmp_path / "file"))[1]
    assert all(map(torch.equal, ours, again)) and all(map(torch.equal, ours, unkept))
    compiler, plain = logits(tmp_path / "d", NAS_KERNELS="0")
    assert compiler is None
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("missing", [{"NAS_KERNELS": "0"}, {"CC": "no-such-compiler"}, {"CC": "false"}])
def test_without_a_compiler_there_are_no_kernels(tmp_path, missing):
    """The test above shows what networks compute then."""
    command = [sys.executable, "-c", "from spaces.parts.cpu.build import compiler; print(compiler())"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)} | missing
    assert subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout == "None\n"


def test_the_library_is_compiled_once_per_source_compiler_and_processor(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for processor in ("one", "one", "another"):
        monkeypatch.setattr(numerics, "processor", lambda said=processor: said)
        monkeypatch.setattr(numerics, "portable", lambda: False)
        build._compiled("float")
    assert len(list((tmp_path / "nas-vs-random").iterdir())) == 2
    for processor in ("one", "another"):  # portable code is one processor's as another's
        monkeypatch.setattr(numerics, "processor", lambda said=processor: said)
        monkeypatch.setattr(numerics, "portable", lambda: True)
        build._compiled("float")
    assert len(list((tmp_path / "nas-vs-random").iterdir())) == 3
