"""A measured figure with the bound that it has to keep, and the table that shows them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_HEADINGS = ("measured", "baseline", "reconciler", "figure", "bound", "")


class Bound(Struct, frozen=True):
    """What a figure may not leave; `goal` is what is aimed at where the bound leaves room for a noisy machine."""

    at_least: float = float("-inf")
    at_most: float = float("inf")
    goal: float | None = None

    def text(self, unit: str) -> str:
        """In words."""
        least = f"at least {_number(self.at_least)}{unit}" if self.at_least > float("-inf") else ""
        most = f"at most {_number(self.at_most)}{unit}" if self.at_most < float("inf") else ""
        goal = f" (goal {_number(self.goal)}{unit})" if self.goal is not None else ""
        return f"{least}{most}{goal}"


class Figure(Struct, frozen=True):
    """`value` is held against the bound; `baseline` and `own` are what it was made of, in words.

    `cause` says why the figure is what it is, for the day on which it misses.
    """

    what: str
    own: str
    value: float
    unit: str
    bound: Bound
    baseline: str = ""
    cause: str = ""

    @property
    def kept(self) -> bool:
        """Whether the bound holds."""
        return self.bound.at_least <= self.value <= self.bound.at_most

    @property
    def verdict(self) -> str:
        """In a word."""
        if not self.kept:
            return "MISSED"
        reached = self.bound.goal is None or self.value >= self.bound.goal
        return "kept" if reached else "kept, goal missed"

    @property
    def complaint(self) -> str:
        """A missed bound, its name and its cause."""
        said = f"{self.what}: {_number(self.value)}{self.unit}, bound {self.bound.text(self.unit)}"
        return f"{said}; {self.cause}" if self.cause else said


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        figure.baseline,
        figure.own,
        f"{_number(figure.value)}{figure.unit}",
        figure.bound.text(figure.unit),
        figure.verdict,
    )


def text(figures: Sequence[Figure]) -> str:
    """A table for a terminal."""
    rows = [_HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def markdown(figures: Sequence[Figure], heading: str) -> str:
    """The same for a document."""
    rows = ["| " + " | ".join(_row(figure)) + " |" for figure in figures]
    titles = "| " + " | ".join(_HEADINGS) + " |"
    return "\n".join([heading, "", titles, "|" + "---|" * len(_HEADINGS), *rows])


def written_into(document: str, block: str) -> str:
    """The document with what stands between its two marks replaced; ValueError if it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"
