"""One lab of three hosts for all tests here; each test gets Nova's default behaviour and guests of its own."""

import os
import signal
import sys

import pytest

from tests.lab.domain import GuestLoad
from tests.lab.lab import Lab


def pytest_configure():
    """Ended by a time limit, the lab is still taken down."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))


@pytest.fixture(scope="session")
def running_lab():
    with Lab(host_names=("lab-a", "lab-b", "lab-c")) as lab:
        yield lab


@pytest.fixture
def lab(running_lab):
    running_lab.nova.reset_knobs()
    known = len(running_lab.guests)
    yield running_lab
    for guest in running_lab.guests[known:]:
        running_lab.remove_guest(guest)


@pytest.fixture
def light():
    """Ends in a pass or two."""
    return GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=8)


@pytest.fixture
def endless():
    """Dirties faster than the bandwidth that the tests allow."""
    return GuestLoad(working_set_mib=16, rate_mib_s=40, fill_mib=8)
