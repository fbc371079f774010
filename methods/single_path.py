"""Single-Path NAS: one superkernel per layer, whose parts are switched on by trainable thresholds on their norms.

Paper: Stamoulis et al., Single-Path NAS: designing hardware-efficient ConvNets in less than 4 hours (ECML-PKDD 2019,
arXiv 1904.02877). Where the paper and dstamoulis/single-path-nas differ, we follow the code: norms are not squared.

Exact: superkernels, decisions and their straight-through gradients, the runtime formula and its logarithm in the loss,
warm-up with dropped gates, optimizer, schedule and regularisation, the decoding of all options (the public code's
encoder confuses two of them, its issue 8); checked against the public code's numbers.

Departs from the paper: thresholds have a learning rate of their own, so that they can cross the norms in a search of a
hundred steps (the public code takes ten thousand); no moving average of the weights; RMSProp adds eps outside the root;
cost is counted (thousand multiply-adds) unless a latency table is given; the warm-up is a fraction of the search,
whatever its length.

Abstract-level: the journal version (arXiv 1907.00959) is known to us from its abstract only. Following it, with details
of our own, the space single_path_se makes squeeze-and-excitation a decision by the same thresholds, and `python -m
harness frontier` finds the cost weight that leads to a wanted cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts.costs import Costs, check_metric, option_costs, read_latency_table
from spaces.base import Arch, Space
from spaces.single_path.space import SinglePath as SinglePathSpace

if TYPE_CHECKING:
    from torch import Tensor

    from protocols.parts.optimizers import Optimizer
    from spaces.single_path.supernet import SinglePathSupernet
    from spaces.single_path.thresholds import Gates


@dataclass(frozen=True)
class SinglePath(Method):
    """`cost`: macs or parameters, in thousands. `latency_table`: a JSON file of microseconds, used instead of
    `cost`."""

    lr: float = 0.016  # for batches of 256 images, in proportion
    lr_decay: float = 0.97  # every `decay_epochs` epochs of a search of `schedule_epochs`
    decay_epochs: float = 2.4
    schedule_epochs: int = 8
    momentum: float = 0.9
    rms_decay: float = 0.9
    eps: float = 1e-3
    weight_decay: float = 1e-5  # also of thresholds, not of batch normalisation
    label_smoothing: float = 0.1
    threshold_lr: float = 0.05  # published: as lr. This one crosses the norms in a hundred steps
    cost_weight: float = 20.0  # factor of ln COST: 1e3 times the public code's lambda, 0.020
    warmup: float = 5 / 8  # fraction of the epochs without cost term and with dropout of the gates
    keep: float = 0.6  # probability to keep a gate in the warm-up
    cost: str = "macs"  # published: milliseconds of a Pixel 1
    latency_table: str | None = None

    def __post_init__(self) -> None:
        check_metric("single_path", self.cost, table=True)

    def unsupported(self, space: Space) -> str | None:
        if not isinstance(space, SinglePathSpace):
            return "Single-Path NAS decides by norms of superkernels, which only single_path and single_path_se have"
        if self.latency_table is not None:
            read_latency_table(self.latency_table)
        return None

    def files(self) -> list[str]:
        return [self.latency_table] if self.latency_table else []

    def search(self, run: Run) -> Arch:
        import torch
        from torch import nn

        from methods.parts.bilevel import accuracy
        from methods.parts.collapse import course
        from protocols.parts.optimizers import set_lr

        costs = option_costs(run.space, run.size, self.cost, self.latency_table)
        supernet = run.supernet()
        thresholds = nn.ParameterList([torch.zeros(len(supernet.shape), supernet.decisions, device=run.device)])
        optimizers = self.optimizers(supernet, thresholds[0], run.budget.batch)
        warmup_epochs = round(self.warmup * run.budget.epochs)
        for epoch in run.epochs(supernet=supernet, thresholds=thresholds, **optimizers):
            factor = self.lr_decay ** int(epoch / run.budget.epochs * self.schedule_epochs / self.decay_epochs)
            set_lr(optimizers["kernel_optimizer"], factor * self.lr * run.budget.batch / 256)
            set_lr(optimizers["scale_optimizer"], factor * self.lr * run.budget.batch / 256)
            set_lr(optimizers["threshold_optimizer"], factor * self.threshold_lr)
            train_loss, train_accuracy = self.train(
                run, supernet, thresholds[0], list(optimizers.values()), costs, epoch < warmup_epochs
            )
            with torch.no_grad():
                decided = supernet.gates(thresholds[0])
                mix = supernet.mixture(decided)
                run.log(
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    val_accuracy=accuracy(supernet, mix, run.batches("val", augment=False)),
                    expected_cost=network_cost(decided, costs).item(),
                    **{f"gates_{name}": share for name, share in shares(decided).items()},
                    **course(run.space.candidates, mix),
                    lr=optimizers["kernel_optimizer"].param_groups[0]["lr"],
                )
        with torch.no_grad():
            return supernet.derive(supernet.mixture(supernet.gates(thresholds[0])))

    def optimizers(self, supernet: SinglePathSupernet, thresholds: Tensor, batch: int) -> dict[str, Optimizer]:
        """One optimizer each for kernels, for scales and biases (without weight decay), and for the thresholds."""
        from protocols.parts.optimizers import RMSprop

        kernels = [weight for weight in supernet.parameters() if weight.dim() > 1]
        scales = [weight for weight in supernet.parameters() if weight.dim() == 1]  # batch norm and the last bias
        lr, moments = self.lr * batch / 256, {"alpha": self.rms_decay, "eps": self.eps, "momentum": self.momentum}
        return {
            "kernel_optimizer": RMSprop(kernels, lr, weight_decay=self.weight_decay, **moments),
            "scale_optimizer": RMSprop(scales, lr, **moments),
            "threshold_optimizer": RMSprop([thresholds], self.threshold_lr, weight_decay=self.weight_decay, **moments),
        }

    def train(
        self,
        run: Run,
        supernet: SinglePathSupernet,
        thresholds: Tensor,
        optimizers: list[Optimizer],
        costs: Costs,
        warmup: bool,
    ) -> tuple[float, float]:
        """One epoch of weights and thresholds together; returns (mean cross entropy, accuracy)."""
        import torch
        from torch.nn import functional as F

        from methods.parts.bilevel import hits

        losses, right = [], []
        for images, labels in run.batches("train"):
            scale = None
            if warmup:
                kept = torch.full(thresholds.shape, self.keep).bernoulli_(generator=run.generator)
                scale = kept / self.keep
            decided = supernet.gates(thresholds, scale)
            logits = supernet(images, supernet.mixture(decided))
            cross_entropy = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
            penalty = 0.0 if warmup else self.cost_weight * network_cost(decided, costs).log()
            for optimizer in optimizers:
                optimizer.zero_grad()
            (cross_entropy + penalty).backward()
            for optimizer in optimizers:
                optimizer.step()
            losses.append(cross_entropy.item())
            right.append(hits(logits, labels) / len(labels))
        return fmean(losses), fmean(right)


def network_cost(decided: Gates, costs: Costs) -> Tensor:
    """The cost of the network under its layers' gates, in the unit of `costs`: a scalar with gradient."""
    from spaces.single_path.thresholds import runtime

    constant, table = costs
    options = min(map(len, table))  # without skip
    corners = decided.ring.new_tensor([row[:options] for row in table])
    return constant + runtime(decided, corners).sum()


def shares(decided: Gates) -> dict[str, float]:
    """The share of the layers (0 to 1) in which each part is switched on."""
    names = dict(zip(("5x5", "kept", "e6", "se"), decided))
    return {name: gate.mean().item() for name, gate in names.items() if gate is not None}
