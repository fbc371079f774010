"""A plan: the forward and the backward pass of a whole network as two lists of steps that C code replays.

`graph` records which layers a definition calls, `forward` and `backward` turn them into steps (rows of `steps`) in the
buffers of an `arena`, and `replay` makes one autograd function of both. C code: `plan.c`.
"""
