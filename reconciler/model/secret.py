"""A value that must never be seen, as a type, so that printing one by mistake prints a mask."""

from __future__ import annotations

MASK = "***"


class Secret:
    """Holds a text. `reveal()` is the only way to it; repr, str and format give a mask, pickling refuses."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself; only for the wire and the delivery target."""
        return self.__text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.__text == self.__text

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")
