"""Use items in a thread while the next is made: the other side of `ahead`."""

from __future__ import annotations

from contextlib import contextmanager
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_POLL = 0.05
"""Seconds after which one that waits looks whether the other still goes on."""


@contextmanager
def behind(use: Callable[[T], None]) -> Iterator[Callable[[T], None]]:
    """Yield a function to give items to, which `use` takes in order, in a thread; one waits while one is used.

    An error of `use` is raised when the next item is given, or at the end of the block, which waits for all items.
    Where the block ends by an error, items that wait are dropped.
    """
    queue: Queue[tuple[T] | None] = Queue(maxsize=1)
    errors: list[BaseException] = []
    stop = Event()

    def work() -> None:
        while (entry := queue.get()) is not None:
            if stop.is_set():
                continue
            try:
                use(entry[0])
            except BaseException as error:  # noqa: BLE001  # raised again where the items come from
                errors.append(error)
                stop.set()

    def give(item: T) -> None:
        _put(queue, (item,), stop)
        if errors:
            raise errors[0]

    thread = Thread(target=work, name="bridge-behind", daemon=True)
    thread.start()
    try:
        yield give
    except BaseException:
        stop.set()
        raise
    finally:
        queue.put(None)
        thread.join()
    if errors:
        raise errors[0]


def _put(queue: Queue[tuple[T] | None], entry: tuple[T], stop: Event) -> None:
    while not stop.is_set():
        try:
            queue.put(entry, timeout=_POLL)
        except Full:
            continue
        return
