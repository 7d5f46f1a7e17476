"""Trying again where somebody else was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from carbon.domain.errors import CarbonError

Result = TypeVar("Result")

#: How often something is tried, and how long it waits at most before the second try (seconds),
#: twice as long before each further one.
TRIES, WAIT = 6, 0.05


def attempt(act: Callable[[], Result]) -> Result:
    """What an act returns, tried again after ``store.raced``, which is raised in the end."""
    for number in range(TRIES - 1):
        try:
            return act()
        except CarbonError as error:
            if error.code != "store.raced":
                raise
        # Chance keeps those who met once from meeting again.
        time.sleep(random.uniform(0, WAIT * 2**number))  # noqa: S311  no secret
    return act()
