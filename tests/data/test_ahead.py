from __future__ import annotations

import threading
import time

import pytest

from bridge.data.ahead import ahead


def numbers(log, count=10):
    for i in range(count):
        log.append(i)
        yield i


def test_items_come_in_order():
    assert list(ahead(range(100))) == list(range(100))


def test_at_most_two_items_are_made_before_they_are_asked_for():
    log = []
    items = ahead(numbers(log))

    first = next(items)
    time.sleep(0.2)
    items.close()

    assert first == 0
    assert log == [0, 1, 2]


def test_error_comes_after_the_items_before_it():
    def broken():
        yield 1
        raise ZeroDivisionError

    items = ahead(broken())

    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_closing_ends_the_thread():
    before = threading.active_count()
    items = ahead(numbers([]))
    next(items)

    items.close()

    assert threading.active_count() == before
