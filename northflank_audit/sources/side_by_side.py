"""Reads several lists at once, and returns their pages in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Full, Queue
from typing import Final, Generic, NamedTuple, TypeVar

from northflank_audit.northflank.client import CONNECTIONS

AHEAD: Final = 2
"""Pages of a list that are read ahead, at most; then its thread waits."""
WINDOW: Final = 2 * CONNECTIONS
"""Lists that are being read or read ahead, at most."""
_LOOK: Final = 0.1
"""Seconds between a waiting thread's checks of whether its pages are still needed."""

Item = TypeVar("Item")
Page = TypeVar("Page")


class _End(NamedTuple):
    """The end of a list."""

    error: BaseException | None


class _Coming(Generic[Page]):
    """The pages of one list, from another thread."""

    def __init__(self, stopped: threading.Event) -> None:
        self._queue: Queue[Page | _End] = Queue(AHEAD)
        self._stopped = stopped

    def fill(self, read: Callable[[], Iterator[Page]]) -> None:
        """Read the list; its thread waits for pages to be used."""
        try:
            for page in read():
                if not self._put(page):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the pages are used
            self._put(_End(error))
        else:
            self._put(_End(None))

    def pages(self) -> Iterator[Page]:
        """Yield the pages, then raise what reading the list raised, if anything."""
        while not isinstance(page := self._queue.get(), _End):
            yield page
        if page.error is not None:
            raise page.error

    def _put(self, page: Page | _End) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(page, timeout=_LOOK)
            except Full:
                continue
            return True
        return False


def side_by_side(
    items: Sequence[Item], read: Callable[[Item], Iterator[Page]]
) -> Iterator[tuple[Item, Iterator[Page]]]:
    """Yield each item with its pages, in this order; `read` is called in other threads, at most eight at a time.

    The pages of an item must be consumed before the next item. Exceptions of `read` are raised by its pages.
    """
    stopped = threading.Event()
    pool = ThreadPoolExecutor(min(CONNECTIONS, max(1, len(items))), thread_name_prefix="lists")
    todo, coming = deque(items), deque[tuple[Item, _Coming[Page]]]()
    try:
        while todo or coming:
            while todo and len(coming) < WINDOW:
                item = todo.popleft()
                pages = _Coming[Page](stopped)
                pool.submit(pages.fill, partial(read, item))
                coming.append((item, pages))
            item, pages = coming.popleft()
            yield item, pages.pages()
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
