"""A folder has one Environment, at its root, and what it leaves out has safe defaults."""

from __future__ import annotations

from reconciler.core.manifests.environment import UNKNOWN, declare, find, without_effect
from reconciler.model.manifest import Severity
from reconciler.model.settings import STRICT, DomainRules
from tests.support.documents import document, environment, rules

LOOSE = DomainRules(forbid_shared=False, forbid_public_mail=False)
FULL = {
    "id": "env_1",
    "limits": {"maxChangedPercent": 5, "maxCreates": 7},
    "domains": {"forbidShared": False, "forbidPublicMail": False},
    "certificates": {"warnDays": 0},
}


def test_the_one_environment_is_found() -> None:
    only = environment()
    assert find([only]) == (only, ())


def test_without_one_the_folder_is_told() -> None:
    chosen, problems = find([])
    assert chosen is None
    assert [(each.rule, str(each.origin)) for each in problems] == [("environment/missing", ".:1:1")]


def test_of_several_each_is_told_of_another() -> None:
    chosen, problems = find([environment("a.yaml"), environment("b.yaml"), environment("c.yaml")])
    assert chosen is None
    assert rules(problems) == [("environment/two", f"{name}.yaml") for name in "abc"]
    others = ["b.yaml:1:1", "a.yaml:1:1", "a.yaml:1:1"]
    assert all(other in each.message for other, each in zip(others, problems, strict=True))


def test_one_below_the_root_is_not_used() -> None:
    chosen, problems = find([environment("below/environment.yaml")])
    assert chosen is None
    assert rules(problems) == [("environment/not-at-root", "below/environment.yaml")]


def test_what_is_left_out_is_as_strict_as_can_be() -> None:
    found = declare(environment(), LOOSE)
    assert (found.name, found.id, found.limits) == ("production", None, {})
    assert (found.forbid_shared, found.forbid_public_mail, found.warn_days) == (True, True, 30)


def test_what_is_stated_is_used() -> None:
    found = declare(environment(**FULL), LOOSE)
    assert (found.id, found.limits) == ("env_1", {"maxChangedPercent": 5, "maxCreates": 7})
    assert (found.forbid_shared, found.forbid_public_mail, found.warn_days) == (False, False, 0)
    assert without_effect(environment(**FULL), LOOSE) == []


def test_a_rule_of_the_process_is_not_loosened() -> None:
    found = declare(environment(**FULL), STRICT)
    assert (found.forbid_shared, found.forbid_public_mail) == (True, True)
    told = without_effect(environment(**FULL), STRICT)
    assert [(each.rule, each.severity) for each in told] == [("environment/no-effect", Severity.WARNING)] * 2


def test_an_unknown_environment_makes_no_faults_that_the_real_one_might_allow() -> None:
    assert (UNKNOWN.forbid_shared, UNKNOWN.forbid_public_mail) == (False, False)


def test_where_it_stands_is_kept() -> None:
    assert declare(document({"metadata": {"name": "x"}}, "e.yaml", 7), STRICT).origin.line == 7
