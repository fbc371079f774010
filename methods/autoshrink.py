"""AutoShrink-style: a dense graph loses one candidate after another, each time the one that costs least accuracy.

Paper: Zhang et al., "AutoShrink: A Topology-Aware NAS for Discovering Efficient Neural Architecture",
AAAI 2020 (arXiv 1911.09251). It is known to us from its abstract and a review of its figure, and no public code was
found; hence "-style". The search starts from a graph with every candidate at every place. Shared weights are trained
on what is left of it, while candidates are removed at an even pace: of `samples` graphs with one candidate less, drawn
at random, the one with the best score stays. When each place has one candidate left, that is the architecture.

Exact: a dense start, progressive removal of single edges, random samples of them, a score that weighs efficiency.

Departs from the paper: all that the abstract leaves open is ours. An edge of the graph is one candidate at one place,
and the edges of a place are averaged. The score is the accuracy with the shared weights on one validation batch, the
same for all samples, less `cost_weight` times the natural logarithm of the cost of all that is left. Removal begins
after `warmup` and ends with the search. The optimizer of the weights is that of DARTS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.base import Method, Run
from methods.parts import needs
from methods.parts.costs import Costs, check_metric, option_costs
from spaces.base import Arch, Space

if TYPE_CHECKING:
    from methods.parts.shrinking import Graph
    from spaces.parts.network import Supernet


@dataclass(frozen=True)
class Autoshrink(Method):
    """`cost`: macs or parameters."""

    samples: int = 8  # published: unknown to us, as all that follow
    cost_weight: float = 0.05
    warmup: float = 0.25  # fraction of the steps that trains the dense graph
    lr: float = 0.025
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    cost: str = "macs"

    def __post_init__(self) -> None:
        check_metric("autoshrink", self.cost)

    def unsupported(self, space: Space) -> str | None:
        return needs.supernet(space) or needs.costs(space)

    def search(self, run: Run) -> Arch:
        from methods.parts.bilevel import means, weight_step
        from methods.parts.collapse import course
        from methods.parts.shrinking import Graph
        from protocols.parts.optimizers import SGD, cosine, set_lr

        costs = option_costs(run.space, run.size, self.cost)
        supernet = run.supernet()
        graph = Graph(supernet.shape)
        optimizer = SGD(supernet.parameters(), self.lr, self.momentum, self.weight_decay)
        for epoch in run.epochs(supernet=supernet, graph=graph, optimizer=optimizer):
            lr = cosine(self.lr, self.lr_min, epoch, run.budget.epochs)
            set_lr(optimizer, lr)
            steps = []
            for i, batch in enumerate(run.batches("train"), 1):
                loss, share = weight_step(supernet, optimizer, graph.mix(supernet), batch, self.clip)
                steps.append({"train_loss": loss, "train_accuracy": share})
                while graph.edges > self.edges_after(epoch + i / run.steps("train"), run.budget.epochs, supernet.shape):
                    self.shrink(run, supernet, graph, costs)
            mix = graph.mix(supernet)
            run.log(**means(steps), edges=graph.edges, cost=graph.cost(costs), lr=lr)
            run.log(**course(run.space.candidates, mix, "entropy"))
        return supernet.derive(graph.mix(supernet))

    def edges_after(self, epochs: float, of: int, shape: tuple[int, ...]) -> int:
        """The number of edges that are left after a part of a search of `of` epochs: all of them until the warm-up
        ends, one a place after the last step, on a line in between."""
        done = (epochs / of - self.warmup) / (1 - self.warmup)
        return sum(shape) - math.floor(max(0.0, done) * (sum(shape) - len(shape)) + 1e-9)

    def shrink(self, run: Run, supernet: Supernet, graph: Graph, costs: Costs) -> None:
        """Removes the edge, of `samples` random ones, without which the graph scores best."""
        from methods.parts.bilevel import accuracy

        batch = run.batch("val", augment=False)
        removable = graph.removable()

        def score(edge: tuple[int, int]) -> float:
            less = graph.without(edge)
            return accuracy(supernet, less.mix(supernet), [batch]) - self.cost_weight * math.log(less.cost(costs))

        graph.left = graph.without(max(run.rng.sample(removable, min(self.samples, len(removable))), key=score)).left
