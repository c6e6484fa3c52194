"""Reads a list page by page, to its end: whoever gets an incomplete list creates duplicates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from reconciler.api.wire import Page
from reconciler.model.errors import BadAnswer

GetPage = Callable[[str], Awaitable[Page]]


async def pages(get: GetPage, route: str, max_pages: int) -> AsyncIterator[Page]:
    """The non-empty pages of a list; `get` reads the page of a token, "" for the first.

    Raises BadAnswer if the list cannot be shown to be complete: its ids have to rise, its tokens to differ, and a
    page that a token promised to hold something.
    """
    last, token, tokens = "", "", set[str]()
    for _ in range(max_pages):
        page = await get(token)
        ids = [item.id for item in page.items]
        if any(later <= earlier for earlier, later in zip([last, *ids], ids, strict=False)):
            raise BadAnswer("the list is not in order of id: something may be missing", route=route)
        if token and not ids:
            raise BadAnswer("a page that the one before promised is empty: something is missing", route=route)
        if page.next_token and (not ids or page.next_token in tokens):
            raise BadAnswer("the list goes on without anything new in it", route=route)
        if page.items:
            yield page
            last = ids[-1]
        if not page.next_token:
            return
        token = page.next_token
        tokens.add(token)
    raise BadAnswer(f"the list has more than {max_pages:,} pages", route=route)
