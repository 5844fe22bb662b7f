"""The fixtures of every test with agents on a lab; the folder's own fixture `lab` says which hosts there are."""

import pytest

from tests.integration.agent.world import World
from tests.lab.reports import Reports


@pytest.fixture(scope="session")
def reports(lab):
    collector = Reports(lab.url).start()
    yield collector
    collector.stop()


@pytest.fixture
def world(lab, reports):
    made = World(lab, reports)
    yield made
    for entry in lab.nova.journal.entries[-20:]:  # pytest shows it of a test that failed
        print(entry)
    made.close()
