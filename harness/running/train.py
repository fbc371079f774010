"""Trains a network from scratch by the protocol's recipe and measures it: the same for every architecture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.running.checkpoint import Checkpoint
from harness.running.curves import Curves
from protocols.base import Recipe, Setting
from protocols.datasets import Data
from protocols.parts.augmentation import augment, normalise
from protocols.parts.optimizers import SGD, Adam, Optimizer, cosine, set_lr
from spaces.base import Size, Space
from spaces.parts.network import DropPath, Network

EVALUATION_BATCH = 250


def device() -> torch.device:
    """The GPU where there is one. On a CPU, one thread a job: many jobs run side by side, and the bits depend on it."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


def build(space: Space, design: Any, size: Size, seed: int, where: torch.device) -> Network:
    """A network whose fresh weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = space.network(design, size)
    return network.to(where, memory_format=torch.channels_last)


def augmented(data: Data, setting: Setting, images: Tensor, generator: torch.Generator, where: torch.device) -> Tensor:
    """A batch of uint8 images as the network sees it in training: float, normalised."""
    tricks = setting.tricks
    batch = augment(
        images,
        generator,
        image=setting.image,
        crop=tricks.crop,
        flip=tricks.flip and data.flip,
        cutout=tricks.cutout,
        stem=setting.stem,
        mean=data.mean,
        std=data.std,
    )
    return batch.to(where, memory_format=torch.channels_last)


def plain(data: Data, setting: Setting, images: Tensor, where: torch.device) -> Tensor:
    """A batch of uint8 images as the network sees it in evaluation."""
    batch = normalise(images, image=setting.image, mean=data.mean, std=data.std)
    return batch.to(where, memory_format=torch.channels_last)


def _optimizer(network: Network, recipe: Recipe) -> Optimizer:
    if recipe.optimizer == "adam":
        return Adam(network.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    return SGD(network.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay)


def train(
    network: Network,
    images: Tensor,
    labels: Tensor,
    data: Data,
    setting: Setting,
    generator: torch.Generator,
    checkpoint: Checkpoint,
    epochs: int,
    state: dict[str, Any] | None = None,
) -> Curves:
    """Trains in place; the curves of loss, accuracy (with augmentation and drop path) and learning rate. `state`
    goes into the checkpoint beside what is kept anyway."""
    recipe, curves = setting.recipe, Curves()
    optimizer = _optimizer(network, recipe)
    kept = {"network": network, "optimizer": optimizer, "generator": generator, "curves": curves, **(state or {})}
    for epoch in checkpoint.epochs(epochs, kept):
        rate = cosine(recipe.lr, recipe.lr_min, epoch, epochs)
        set_lr(optimizer, rate)
        drop_path = setting.tricks.drop_path * epoch / epochs
        drop = DropPath(drop_path, generator) if drop_path else None
        loss, accuracy = _epoch(network, images, labels, data, setting, generator, optimizer, drop)
        curves.log(epoch, {"loss": loss, "accuracy": accuracy, "lr": rate})
    return curves


def _epoch(
    network: Network,
    images: Tensor,
    labels: Tensor,
    data: Data,
    setting: Setting,
    generator: torch.Generator,
    optimizer: Optimizer,
    drop: DropPath | None,
) -> tuple[float, float]:
    """One pass in random order; mean loss and accuracy of the batches. A last batch of one image is left out: batch
    normalisation needs two."""
    where = next(network.parameters()).device
    network.train()
    order = torch.randperm(len(images), generator=generator)
    total_loss = torch.zeros((), device=where)
    correct = torch.zeros((), device=where)
    seen = 0
    for index in order.split(setting.recipe.batch):
        if len(index) == 1:
            continue
        x, y = augmented(data, setting, images.index_select(0, index), generator, where), labels[index].to(where)
        with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda"):
            logits, auxiliary = network(x, drop)
            loss = cross_entropy(logits, y)
            total = loss if auxiliary is None else loss + setting.tricks.auxiliary * cross_entropy(auxiliary, y)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), setting.recipe.clip)
        optimizer.step()
        total_loss += loss.detach() * len(index)
        correct += (logits.argmax(1) == y).sum()
        seen += len(index)
    return (total_loss / seen).item(), (correct / seen).item()


@torch.inference_mode()
def accuracy(network: Network, images: Tensor, labels: Tensor, data: Data, setting: Setting) -> float:
    """Fraction of images whose class is right, without augmentation."""
    where = next(network.parameters()).device
    network.eval()
    correct = 0
    for x, y in zip(images.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH)):
        correct += int((network(plain(data, setting, x, where))[0].argmax(1).cpu() == y).sum())
    return correct / len(images)
