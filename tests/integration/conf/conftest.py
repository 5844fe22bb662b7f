import pytest

from conf_tool import TOOL, Tool


def pytest_configure(config):
    assert TOOL.exists(), f"build first: no {TOOL}"


@pytest.fixture
def tool(tmp_path):
    return Tool(tmp_path)
