"""The stand-in's messages against a real Nova's recording: same order, same shapes; exceptions are explained ones."""

import pytest

from tests.lab import compare
from tests.lab.domain import GuestLoad


@pytest.fixture(scope="module")
def run(running_lab):
    """One migration alone, its destination chosen by the scheduler as in the recording: (journal entries, tap rows)."""
    lab = running_lab
    lab.nova.reset_knobs()
    entries, rows = len(lab.nova.journal.entries), len(lab.tap.rows)
    lab.nova.knobs["lab-a"].bandwidth_mib_s = 15  # two seconds, so that progress is saved as in the recording
    guest = lab.start_guest("lab-a", GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=24))
    lab.nova.conductor.candidates[guest.uuid] = ["lab-b"]
    assert lab.live_migrate(guest).wait() == "completed"
    yield lab.nova.journal.entries[entries:], lab.tap.rows[rows:]
    lab.remove_guest(guest)


def test_order_of_each_service(run):
    entries, _ = run
    order = compare.standin_order(entries, "lab-a", "lab-b")
    assert compare.differences_of_order(compare.recorded_order(), order) == []


def test_shape_of_each_request(run):
    _, rows = run
    assert compare.differences_of_shape(rows) == []


def test_a_difference_would_show(run):
    """The comparison itself: a message changed in one place is reported in that place."""
    _, rows = run
    row = next(row for row in rows if row["body"]["oslo.message"]["method"] == "live_migration")
    message = dict(row["body"]["oslo.message"])
    message["args"] = {**message["args"], "dest": None}
    changed = {**row, "body": {"oslo.message": message}}
    assert compare.differences_of_shape([changed]) == [
        "live_migration: args.dest is null, a real Nova's is string"]
