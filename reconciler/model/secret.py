"""A type for secrets, so that printing one by mistake prints a mask."""

from __future__ import annotations

MASK = "***"


class Secret:
    """Holds a text that only `reveal()` returns; repr, str and format return a mask, pickling raises TypeError."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text; only for requests and the delivery target."""
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
