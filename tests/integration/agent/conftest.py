"""Three hosts, a broker and Nova's part for the whole run; fresh agents and guests for each test."""

import pytest

from tests.integration.agent.fixtures import reports, world  # noqa: F401  # pylint: disable=unused-import
from tests.integration.agent.world import HOSTS
from tests.lab.lab import Lab


@pytest.fixture(scope="session")
def lab():
    # not recorded: a recorder's queue takes every message, and nothing would ever be unroutable
    with Lab(host_names=HOSTS, record=False) as running:
        yield running
