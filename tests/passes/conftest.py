from __future__ import annotations

import pytest


@pytest.fixture(params=["portable", "cuda"])
def target(request):
    return request.param
