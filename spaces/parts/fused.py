"""The faster forms of the modules in spaces/parts."""

from spaces.parts.cpu.blocks import FastConvBn, FastMBConv

__all__ = ["FastConvBn", "FastMBConv"]
