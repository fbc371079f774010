"""CIFAR-100: 60,000 colour photographs of 100 kinds of things, 32x32, with the fine labels."""

from protocols.datasets.parts.cifar import Cifar


class Cifar100(Cifar):
    classes = 100
    source = "CIFAR-100, 32x32, fine labels (Krizhevsky 2009)"
    download = "cifar-100-python.tar.gz or cifar-100-binary.tar.gz from www.cs.toronto.edu/~kriz/cifar.html, unpacked"

    python = "cifar-100-python"
    binary = "cifar-100-binary"
    batches = ("train", "test")
    label_key = "fine_labels"
    label_bytes = 2  # coarse, fine
