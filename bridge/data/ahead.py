"""Make the next item in a thread while the present one is used."""

from __future__ import annotations

from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

T = TypeVar("T")

_POLL = 0.05
"""Seconds after which a thread that waits looks whether anybody still wants its items."""


def ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """Yield the items in order; one waits, and one is being made, while the caller has another.

    An error of the items is raised here, after those before it. Closing the iterator ends the thread.
    """
    queue: Queue[tuple[bool, T | BaseException | None]] = Queue(maxsize=1)
    stop = Event()
    thread = Thread(target=_fill, args=(items, queue, stop), name="bridge-ahead", daemon=True)
    thread.start()
    try:
        while True:
            is_item, value = queue.get()
            if isinstance(value, BaseException):
                raise value
            if not is_item:
                return
            yield value  # type: ignore[misc]  # an item is a T
            del value  # or it would stay in memory while the next is waited for
    finally:
        stop.set()
        thread.join()


def _fill(items: Iterable[T], queue: Queue[tuple[bool, T | BaseException | None]], stop: Event) -> None:
    try:
        for item in items:
            if not _put(queue, (True, item), stop):
                return
            del item
    except BaseException as error:  # noqa: BLE001  # raised again where the items are used
        _put(queue, (False, error), stop)
    else:
        _put(queue, (False, None), stop)


def _put(
    queue: Queue[tuple[bool, T | BaseException | None]], entry: tuple[bool, T | BaseException | None], stop: Event
) -> bool:
    while not stop.is_set():
        try:
            queue.put(entry, timeout=_POLL)
        except Full:
            continue
        return True
    return False
