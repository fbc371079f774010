"""DARTS of the second order is DARTS, but for its default."""

from methods.darts import Darts
from methods.darts_second_order import DartsSecondOrder
from tests.methods.test_method_darts import run_of


def test_search_is_that_of_darts_with_order_2_and_not_that_of_darts():
    found = []
    for method in (Darts(order=2), DartsSecondOrder(), Darts()):
        run = run_of()
        found.append((method.search(run), run.curve))
    assert found[0] == found[1]
    assert found[1][1] != found[2][1]
