from __future__ import annotations

import threading

import pytest

from bridge.data.behind import behind


def test_items_are_used_in_order_in_another_thread():
    used = []

    with behind(lambda item: used.append((item, threading.get_ident()))) as give:
        for item in range(20):
            give(item)

    assert [item for item, _ in used] == list(range(20))
    assert {thread for _, thread in used} != {threading.get_ident()}


@pytest.mark.parametrize("last", [3, 9])
def test_error_of_the_use_is_raised_where_items_are_given(last):
    used = []

    def use(item):
        used.append(item)
        if item == last:
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"), behind(use) as give:  # noqa: PT012
        for item in range(10):
            give(item)

    assert used == list(range(last + 1))


def test_items_that_wait_are_dropped_where_the_block_fails():
    begun, go_on, used = threading.Event(), threading.Event(), []

    def use(item):
        used.append(item)
        begun.set()
        go_on.wait(10)

    with pytest.raises(KeyError), behind(use) as give:  # noqa: PT012
        give(0)
        begun.wait(10)
        give(1)
        threading.Timer(0.1, go_on.set).start()
        raise KeyError

    assert used == [0]
