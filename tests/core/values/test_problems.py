"""However many problems there are, a person is told of a thousand."""

from __future__ import annotations

from reconciler.core.values.problems import MAX_PROBLEMS, Budget, Fault, limited, warning
from reconciler.model.manifest import Origin

WRONG, ODD = Fault("schema/type", "wrong"), warning("primary/none", "odd")


def test_few_stay_as_they_are() -> None:
    few = [ODD.at(Origin("b")), WRONG.at(Origin("a"))]
    assert limited(few) == tuple(few)


def test_of_many_the_errors_are_kept_by_place_and_the_last_says_how_many_there_are() -> None:
    many = [ODD.at(Origin(f"{number:05}.yaml")) for number in range(2 * MAX_PROBLEMS)]
    kept = limited([*many, WRONG.at(Origin("z.yaml"))])
    assert len(kept) == MAX_PROBLEMS
    assert kept[-2].rule == "schema/type"
    assert list(kept[:-1]) == sorted(kept[:-1], key=lambda each: each.origin)
    assert (kept[-1].rule, kept[-1].origin) == ("file/too-many-problems", Origin("z.yaml"))
    assert "2,001" in kept[-1].message


def test_a_budget_is_spent_once() -> None:
    budget = Budget(2)
    assert [budget.take() for _ in range(4)] == [True, True, False, False]
