"""Three hosts, a broker and Nova's part for the whole run; fresh agents and guests for each test."""

import pytest

from tests.integration.agent.world import HOSTS, World
from tests.lab.lab import Lab
from tests.lab.reports import Reports


@pytest.fixture(scope="session")
def lab():
    # not recorded: a recorder's queue takes every message, and nothing would ever be unroutable
    with Lab(host_names=HOSTS, record=False) as running:
        yield running


@pytest.fixture(scope="session")
def reports(lab):
    collector = Reports(lab.url).start()
    yield collector
    collector.stop()


@pytest.fixture
def world(lab, reports):
    made = World(lab, reports)
    yield made
    made.close()
