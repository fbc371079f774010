"""The rule for random splits."""

from protocols.datasets.parts.splits import stratified


def test_stratified_split_is_disjoint_proportional_and_local():
    strata = ["a"] * 100 + ["b"] * 50
    parts = stratified(strata, (0.4, 0.4, 0.2), "seed")
    assert sorted(sum(parts, [])) == list(range(150))
    assert [sum(i < 100 for i in part) for part in parts] == [40, 40, 20]
    more = stratified(strata + ["b"] * 50, (0.4, 0.4, 0.2), "seed")
    assert [[i for i in part if i < 100] for part in more] == [[i for i in part if i < 100] for part in parts]
    assert parts != stratified(strata, (0.4, 0.4, 0.2), "other seed")
