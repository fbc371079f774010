"""Compiles `plan.c`, which includes `kernels.c`, at its first use and keeps the library in the user's cache folder.

With portable numerics (`numerics`) it is compiled for one kind of processor, with every rounding stated: each compiler
gives the same bits. With native ones it is compiled for this processor. There is no library where no C compiler is
found (the environment variable CC, else cc) or where NAS_KERNELS is 0.
Imports no torch: a job names the compiler before it starts to compute.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path

from spaces.parts.cpu import numerics

SOURCES = [Path(__file__).with_name(name) for name in ("plan.c", "descent.c", "kernels.c", "vectors.h")]
"""The first one includes the others."""
FLAGS = ("-O3", "-std=gnu11", "-shared", "-fPIC")
PORTABLE = ("-mavx2", "-mfma", "-ffp-contract=off", "-DPORTABLE")
NATIVE = ("-march=native",)


class Norm(ctypes.Structure):
    """`norm` in kernels.c."""

    _fields_ = [*((name, ctypes.c_void_p) for name in ("mean", "inverse", "weight", "bias")), ("relu", ctypes.c_long)]


class Shape(ctypes.Structure):
    """`shape` in kernels.c."""

    _names = "groups inputs outputs height width images kernel stride dilation channels"
    _fields_ = [*((name, ctypes.c_long) for name in _names.split()), ("reads", ctypes.c_void_p)]


def compiler() -> str | None:
    """The name and version of the compiler of the kernels, None where there are no kernels."""
    found = library("float")
    return found and ctypes.c_char_p.in_dll(found, "compiler").value.decode()


@cache
def library(real: str) -> ctypes.CDLL | None:
    """The kernels for the C type "float" or "double", None where there are none. A compiler that fails is a warning."""
    if switched_off():
        return None
    try:
        found = _compiled(real)
    except FileNotFoundError:
        return None
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)).splitlines()[0]
        warnings.warn(f"{SOURCES[0].name} does not compile, torch's slower layers are used: {said}", stacklevel=2)
        return None
    pointer, number, real, norm = ctypes.c_void_p, ctypes.c_long, ctypes.c_double, ctypes.POINTER(Norm)
    found.moments.argtypes = [number, number, pointer, real, pointer, pointer]
    found.apply.argtypes = [number, pointer, number, norm, pointer, number, number]
    found.slopes.argtypes = [number, pointer, number, norm, pointer, number, pointer]
    found.unapply.argtypes = [number, number, pointer, norm, pointer, pointer, number, pointer]
    maps = [ctypes.POINTER(Shape), pointer, norm, pointer, pointer]
    found.convolve.argtypes = [*maps, real, pointer, pointer, pointer]
    found.convolve_back.argtypes = [*maps, pointer, norm, pointer, pointer, number, pointer, number, *[pointer] * 3]
    found.replay.argtypes = [pointer, number, pointer]
    found.norm_of.argtypes, found.norm_of.restype = [number, pointer, pointer], real
    found.scale_all.argtypes = [number, pointer, pointer, real]
    found.descend.argtypes = [number, *[pointer] * 4, real, real, real, number]
    return found


def expected(portable: bool) -> bool:
    """Whether `library` will find kernels in a process with these numerics: there is a compiler, or a library that was
    compiled before. Nothing is compiled to know it."""
    return not switched_off() and (shutil.which(_compiler()) is not None or _kept(_command("float", portable)).exists())


def switched_off() -> bool:
    return os.environ.get("NAS_KERNELS") == "0"


def _compiler() -> str:
    return os.environ.get("CC", "cc")


def _command(real: str, portable: bool) -> list[str]:
    return [_compiler(), *FLAGS, *(PORTABLE if portable else NATIVE), f"-Dreal={real}"]


def _kept(command: list[str]) -> Path:
    """The library's place in the user's cache. Its name is a hash of source and command, and of the processor where it
    is compiled for it: on another it might not run."""
    processor = "" if set(PORTABLE) <= set(command) else numerics.processor()
    made_of = repr((command, [source.read_bytes() for source in SOURCES], processor))
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "nas-vs-random"
    return folder / f"kernels-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.so"


def _compiled(real: str) -> ctypes.CDLL:
    """The library for a type, from the user's cache where that can be read and written."""
    command = _command(real, numerics.portable())
    kept = _kept(command)
    with contextlib.suppress(OSError):  # not there yet, or in a folder from which nothing may be executed
        return ctypes.CDLL(str(kept.absolute()))
    with tempfile.TemporaryDirectory() as fresh:
        new = Path(fresh) / kept.name
        subprocess.run([*command, "-o", new, SOURCES[0], "-lm"], check=True, capture_output=True)
        with contextlib.suppress(OSError):  # the folder cannot be written to: it is compiled again next time
            kept.parent.mkdir(parents=kept.is_absolute(), exist_ok=True)
            half = kept.with_suffix(f".{os.getpid()}")
            shutil.copy(new, half)
            os.replace(half, kept)
        return ctypes.CDLL(str(new))
