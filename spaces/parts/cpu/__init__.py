"""The fast form of layers and supernets on a CPU: compiled kernels, and autograd functions that call them."""
