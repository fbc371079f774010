"""Trains a network from scratch by the protocol's recipe and measures it: the same for every architecture."""

from __future__ import annotations

import io
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import BatchNorm2d
from torch.nn.functional import cross_entropy

from harness.plan import registry
from harness.plan.jobs import Training, fraction_of
from harness.plan.seeds import seed_of
from harness.records.weights import Weights
from harness.running.checkpoint import Checkpoint
from harness.running.counts import describe
from harness.running.curves import Curves
from harness.running.inputs import Inputs, device
from harness.running.networks import fresh
from protocols.base import Recipe, Setting
from protocols.datasets import Data, Split, load
from protocols.parts.optimizers import SGD, Adam, Optimizer, cosine, set_lr
from spaces.base import Size
from spaces.parts.network import DropPath, Network

EVALUATION_BATCH = 250


def train(
    job: Training, text: str, folder: Path, checkpoint: Checkpoint, clock: Any
) -> tuple[dict[str, Any], Weights | None]:
    """Trains the architecture `text` on train and val together and measures it on test, once, after the last epoch.

    `folder`: the prepared dataset. `clock`: kept in the checkpoint. Returns the record's fields arch, result, curves
    and, where the job keeps them, the weights after the last epoch.
    """
    space, setting, data = registry.space(job.search.space), job.setting, load(folder)
    seed = seed_of(purpose="train", **{name: value for name, value in job.key.items() if name != "main"})
    design = space.read(text)
    size = job.size(len(data.classes), data.inputs)
    network = fresh(lambda: space.network(design, size), seed, device())
    trainer = Trainer(network, data, setting, torch.Generator().manual_seed(seed))
    images, labels = _shown(job, data)
    epochs = setting.training.epochs
    curves = trainer.train(images, labels, epochs, checkpoint, clock=clock).columns()
    result = {
        "test_accuracy": trainer.accuracy(data.test.images, data.test.labels),
        "train_accuracy": curves["accuracy"][-1],
        "images": len(images) * epochs,
        **describe(space, design, job.size(len(data.classes), data.inputs, auxiliary=False)),
    }
    kept = weights_of(network, size, data) if job.keep_weights else None
    return {"arch": space.write(design), "result": result, "curves": curves}, kept


def _shown(job: Training, data: Data) -> Split:
    """What a training sees: train and val together, or the setting's share of them, which is the same for all
    architectures and another one for each repeat."""
    images = torch.cat([data.train.images, data.val.images])
    labels = torch.cat([data.train.labels, data.val.labels])
    if job.setting.samples == 1:
        return Split(images, labels)
    seed = seed_of(protocol=job.search.protocol, dataset=job.search.dataset, repeat=job.repeat, purpose="samples")
    generator = torch.Generator().manual_seed(seed)
    kept = torch.randperm(len(images), generator=generator)[: fraction_of(len(images), job.setting.samples)]
    return Split(images[kept], labels[kept])


def weights_of(network: Network, size: Size, data: Data) -> Weights:
    """The state of a network under the names of its definition, on the CPU and contiguous, as torch.save writes it."""
    buffer, whole = io.BytesIO(), torch.contiguous_format
    torch.save({name: value.cpu().clone(memory_format=whole) for name, value in network.state_dict().items()}, buffer)
    fits = {"size": asdict(size), "classes": list(data.classes), "mean": list(data.mean), "std": list(data.std)}
    return Weights(buffer.getvalue(), fits)


class Trainer:
    """One network, how it is trained, and the generator of all that is drawn meanwhile: order, augmentation, drop
    path."""

    def __init__(self, network: Network, data: Data, setting: Setting, generator: torch.Generator):
        self.network, self.setting, self.generator = network, setting, generator
        self.device = next(network.parameters()).device
        self.inputs = Inputs(data, setting, self.device)

    def train(self, images: Tensor, labels: Tensor, epochs: int, checkpoint: Checkpoint, **state: Any) -> Curves:
        """Trains in place; the curves of loss, accuracy (with augmentation and drop path) and learning rate.

        images: uint8 (n, inputs, side, side); labels: int64 (n,). `state` goes into the checkpoint beside the network,
        the optimizer, the generator and the curves.
        """
        recipe, curves = self.setting.training, Curves()
        optimizer = _optimizer(self.network, recipe)
        kept = {"network": self.network, "optimizer": optimizer, "generator": self.generator, "curves": curves, **state}
        for epoch in checkpoint.epochs(epochs, kept):
            rate = cosine(recipe.lr, recipe.lr_min, epoch, epochs)
            set_lr(optimizer, rate)
            drop_path = self.setting.tricks.drop_path * epoch / epochs
            drop = DropPath(drop_path, self.generator) if drop_path else None
            loss, accuracy = self._epoch(images, labels, optimizer, drop)
            curves.log(epoch, {"loss": loss, "accuracy": accuracy, "lr": rate})
        self._average_statistics(images)
        return curves

    @torch.no_grad()
    def _average_statistics(self, images: Tensor) -> None:
        """Replaces the running averages of batch normalisation, which lag behind the weights after a short training, by
        the plain average over one pass of the training images, in order and without augmentation. The batches are as
        large as in evaluation, and differ by one image at most."""
        norms = [module for module in self.network.modules() if isinstance(module, BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # torch then averages all batches since the reset
        self.network.train()
        for x in images.tensor_split(math.ceil(len(images) / EVALUATION_BATCH)):
            self.network(self.inputs.plain(x))
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum

    def _epoch(
        self, images: Tensor, labels: Tensor, optimizer: Optimizer, drop: DropPath | None
    ) -> tuple[float, float]:
        """One pass in random order; mean loss and accuracy of the batches. A last batch of one image is left out: batch
        normalisation needs two."""
        self.network.train()
        order = torch.randperm(len(images), generator=self.generator)
        total_loss, correct = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        seen = 0
        for index in order.split(self.setting.training.batch):
            if len(index) == 1:
                continue
            x = self.inputs.augmented(images.index_select(0, index), self.generator)
            y = labels[index].to(self.device)
            loss, right = self.step(x, y, optimizer, drop)
            total_loss += loss * len(index)
            correct += right
            seen += len(index)
        return (total_loss / seen).item(), (correct / seen).item()

    def step(self, x: Tensor, y: Tensor, optimizer: Optimizer, drop: DropPath | None) -> tuple[Tensor, Tensor]:
        """One step of the optimizer; the loss without the auxiliary head's, and how many images were classified
        rightly."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits, auxiliary = self.network(x, drop)
            loss = cross_entropy(logits, y)
            total = loss if auxiliary is None else loss + self.setting.tricks.auxiliary * cross_entropy(auxiliary, y)
        optimizer.zero_grad()
        total.backward()
        optimizer.clip(self.setting.training.clip)
        optimizer.step()
        return loss.detach(), (logits.argmax(1) == y).sum()

    @torch.inference_mode()
    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Fraction of images that are classified rightly, without augmentation."""
        self.network.eval()
        correct = 0
        for x, y in zip(images.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH)):
            correct += int((self.network(self.inputs.plain(x))[0].argmax(1).cpu() == y).sum())
        return correct / len(images)


def _optimizer(network: Network, recipe: Recipe) -> Optimizer:
    if recipe.optimizer == "adam":
        return Adam(network.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    return SGD(network.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
