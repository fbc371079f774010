"""CIFAR-10: 60,000 colour photographs of 10 kinds of things, 32x32."""

from protocols.datasets.parts.cifar import Cifar


class Cifar10(Cifar):
    classes = 10
    source = "CIFAR-10, 32x32 (Krizhevsky 2009)"
    download = "cifar-10-python.tar.gz or cifar-10-binary.tar.gz from www.cs.toronto.edu/~kriz/cifar.html, unpacked"

    python = "cifar-10-batches-py"
    binary = "cifar-10-batches-bin"
    batches = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
    label_key = "labels"
    label_bytes = 1

    def class_names(self) -> tuple[str, ...]:
        return ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
