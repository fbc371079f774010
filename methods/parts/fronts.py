"""Two objectives, accuracy and cost: which architectures no other one beats in both."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
"""(accuracy, cost)."""


def front(points: Sequence[Point]) -> list[int]:
    """The points that none dominates, the cheapest first: no other one is as accurate and as cheap, and better in one
    of the two. Of equal points the first."""
    kept: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0])):
        if not kept or points[i][0] > points[kept[-1]][0]:
            kept.append(i)
    return kept


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The area between the front and the reference, which counts what is more accurate and cheaper than it. Zitzler and
    Thiele, Multiobjective evolutionary algorithms: a comparative case study and the strength Pareto approach (1999)."""
    inside = [point for point in points if point[0] > reference[0] and point[1] < reference[1]]
    best_last = [inside[i] for i in front(inside)]
    ends = [cost for _, cost in best_last[1:]] + [reference[1]]
    return sum((accuracy - reference[0]) * (end - cost) for (accuracy, cost), end in zip(best_last, ends))


def knee(points: Sequence[Point]) -> int:
    """The point of the front that lies farthest from the line between its two ends, towards accurate and cheap; both
    objectives are scaled to 0 to 1 over the front. The most accurate one where the front has fewer than three."""
    kept = front(points)
    if len(kept) < 3:
        return kept[-1]
    (low, cheap), (high, dear) = points[kept[0]], points[kept[-1]]

    def distance(i: int) -> float:
        accuracy, cost = points[i]
        return (accuracy - low) / (high - low) - (cost - cheap) / (dear - cheap)

    return max(kept, key=distance)
