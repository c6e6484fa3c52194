"""What is nobody's fault, and how often it may happen: more often means that an excuse hides a fault."""

from __future__ import annotations

import math
from collections import Counter
from enum import StrEnum


class Excuse(StrEnum):
    """What truly happened, in words."""

    TWICE = "the network sent a request twice"
    LATE = "its effect landed after the settle time"
    TWO_PROCESSES = "two processes had that POST in flight"
    KEY_TAKEN = "somebody took its key away during the pass"
    TAKEN_MEANWHILE = "somebody else took another object for it while that POST was in flight"
    MADE_ANOTHER = "people made it into another declared one"
    NOTHING_LEFT = "an organization that changed its key and more"
    EDITED = "an edit between the fresh read and its PATCH"
    TOKEN_BETWEEN = "a token made between the fresh read and the POST"
    PRIMARY_BETWEEN = "made so between the fresh read and its PATCH"
    DOMAIN_BETWEEN = "taken away by somebody else between the fresh read and the PATCH"
    DOMAIN_MEANWHILE = "taken by somebody else during the pass"
    DOMAIN_LATE = "its effect landed after the process ended, or after the settle time"


# How often in a thousand worlds of six hours, at most. Measured on the right program, and doubled.
BOUNDS: dict[str, dict[Excuse, float]] = {
    "duplicate": {
        Excuse.TWICE: 100,
        Excuse.LATE: 200,
        Excuse.TWO_PROCESSES: 550,
        Excuse.KEY_TAKEN: 30,
        Excuse.TAKEN_MEANWHILE: 10,
        Excuse.MADE_ANOTHER: 30,
        Excuse.NOTHING_LEFT: 350,
    },
    "overwrite": {Excuse.EDITED: 150},
    "rotation": {Excuse.TWICE: 40, Excuse.LATE: 60, Excuse.TOKEN_BETWEEN: 40},
    "primary": {Excuse.PRIMARY_BETWEEN: 10},
    "domain": {Excuse.DOMAIN_BETWEEN: 80, Excuse.DOMAIN_MEANWHILE: 40, Excuse.DOMAIN_LATE: 30},
}


def excused(counts: Counter[str], what: str, excuse: Excuse) -> None:
    """Counts it; KeyError where this is no excuse for that."""
    if excuse not in BOUNDS[what]:
        raise KeyError(what, excuse)
    counts[f"excused {what}: {excuse}"] += 1


def too_often(counts: Counter[str], worlds: int) -> list[str]:
    """Which excuses were used more often in so many worlds than chance allows at their bound."""
    lines = []
    for what, bounds in BOUNDS.items():
        for excuse, per_thousand in bounds.items():
            expected = per_thousand * worlds / 1000
            most = math.ceil(expected + 3 * math.sqrt(expected) + 1)
            used = counts[f"excused {what}: {excuse}"]
            if used > most:
                lines.append(f"{used} times in {worlds} worlds, at most {most}: {what}, {excuse}")
    return lines


# What happens in a world on average, at least: a campaign of quiet worlds proves nothing.
STIR: dict[str, float] = {
    "done: POST Organization": 1.5,
    "done: PATCH Organization": 4.0,
    "done: POST SAMLConnection": 1.5,
    "done: PATCH SAMLConnection": 1.0,
    "done: POST SCIMDirectory": 0.7,
    "done: POST BearerToken": 0.4,
    "done: POST SetupLink": 0.4,
    "quiet passes": 15.0,
    "at rest": 2.0,
    "at rest, blocked": 0.2,
}


def too_quiet(counts: Counter[str], worlds: int) -> list[str]:
    """What happened less often in so many worlds than it does in lively ones."""
    return [
        f"{counts[what]} times in {worlds} worlds, at least {math.floor(least * worlds)}: {what}"
        for what, least in STIR.items()
        if counts[what] < math.floor(least * worlds)
    ]
