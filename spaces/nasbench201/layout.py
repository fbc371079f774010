"""How NAS-Bench-201 stacks its cells, and the kernels of its convolutions."""

KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


def stages(cells: int) -> tuple[int, int, int]:
    """The number of cells in each of the three stages."""
    first, second = cells // 3, 2 * cells // 3
    return first, second - first, cells - second
