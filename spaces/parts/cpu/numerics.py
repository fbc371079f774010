"""The two numerics of a processor: `native`, the fastest code it can run, and `portable`, the same bits on every x86-64
processor with AVX2 and FMA.

torch and the libraries in it choose their code by the processor when they are loaded, unless these variables name it.
`choose` sets them. Imports no torch.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from spaces.base import UserError

if TYPE_CHECKING:
    from torch import Tensor

PORTABLE = "portable"
NATIVE = "native"
MODES = (PORTABLE, NATIVE)
VARIABLES = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions
    "MKL_CBWR": "COMPATIBLE",  # products; AVX2 is another code on Intel's processors than on others
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's sines: the pixels of drawn datasets
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's products
}
MKL_COMPATIBLE = 3  # MKL_CBWR_COMPATIBLE in MKL's headers
CURE = "`numerics: native` in the configuration, or --numerics native, gives this machine's own numbers"


def portable() -> bool:
    """Whether this process computes with portable numerics."""
    return all(os.environ.get(name) == value for name, value in VARIABLES.items())


def choose(mode: str) -> None:
    """Sets the numerics of this process and of those that it starts, before torch is loaded. UserError where torch is
    loaded with the other ones, or where this processor cannot compute portable ones."""
    if mode not in MODES:
        raise UserError(f"numerics must be one of {', '.join(MODES)}, not {mode!r}")
    if mode == PORTABLE and not _able():
        raise UserError(f"portable numerics need an x86-64 processor with AVX2 and FMA: {CURE}")
    if portable() == (mode == PORTABLE):
        return
    if "torch" in sys.modules:
        raise UserError(f"torch is loaded already, with other numerics than {mode}: run this in a process of its own")
    for name, value in VARIABLES.items():
        if mode == PORTABLE:
            os.environ[name] = value
        else:
            del os.environ[name]


def verify() -> None:
    """UserError where torch, which is loaded, has not taken the portable numerics that were chosen."""
    if not portable():
        return
    import torch

    if torch.backends.cpu.get_cpu_capability() != "AVX2" or _branch_of_mkl() != MKL_COMPATIBLE:
        raise UserError(
            "torch does not compute with portable numerics: it was loaded before they were chosen, or has no MKL; "
            f"take torch's own wheels; {CURE}"
        )


def _branch_of_mkl() -> int | None:
    """The code that MKL has chosen, as a number of MKL_CBWR_...; None where torch has no MKL."""
    import torch

    name = {"darwin": "libtorch_cpu.dylib", "win32": "torch_cpu.dll"}.get(sys.platform, "libtorch_cpu.so")
    try:
        mkl = ctypes.CDLL(str(Path(torch.__file__).with_name("lib") / name))
        return int(mkl.mkl_serv_cbwr_get(1))
    except (OSError, AttributeError):
        return None


def processor() -> str:
    """The instruction sets of this processor, as Linux lists them; its name elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return platform.machine() + next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _able() -> bool:
    words = processor().split()
    return platform.machine() in ("x86_64", "AMD64") and {"avx2", "fma"} <= set(words)


def root(x: Tensor) -> Tensor:
    """The square root, to rounding. torch's own comes from MKL's vector library, whose last bit differs between
    processors with and without AVX-512 (torch 2.14.1), whatever the variables say; these two operations are
    rounded correctly."""
    return x.rsqrt().reciprocal()


def roots(tensors: list[Tensor]) -> list[Tensor]:
    """Of each tensor."""
    import torch

    return list(torch._foreach_reciprocal(torch._foreach_rsqrt(tensors)))
