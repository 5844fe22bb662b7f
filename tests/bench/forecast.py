"""How far forecasts are off: of simulated guests in great number, and of real ones, before the start and in flight."""

import json
import math
import statistics
import subprocess

from tests.lab.domain import GuestLoad

from . import figures

SLOW = GuestLoad(working_set_mib=16, rate_mib_s=6, fill_mib=48)
GOAL_PER_CENT = 20


def simulated():
    runs = figures.count("FORECASTS", 2000)
    said = json.loads(subprocess.run([figures.program("forecasts"), str(runs)], check=True, capture_output=True,
                                     text=True).stdout)
    for what in ("duration", "downtime"):
        figures.say(f"{what} forecast, simulated", f"off by a factor of {said[f'{what}_median']:.2f} (median), "
                    f"{said[f'{what}_p90']:.2f} (p90), of {said[f'{what}s']} that ended by themselves")
    figures.say("verdicts, simulated", f"{said['judged']} of {said['migrations']}; false \"hopeless\" "
                f"{said['false_hopeless']} of {said['hopeless']}, false \"converges\" {said['false_converges']} of "
                f"{said['converges']}")


def history(agent):
    return json.loads(agent.command("history", "--json")[1])["migrations"][0]


def one(lab, agent, here, there):
    """A guest forecast, migrated, and looked up in the history."""
    guest = lab.start_guest(here, SLOW)
    try:
        agent.command("forecast", guest.uuid, "--to", there, timeout=60)
        if lab.live_migrate(guest, there).wait() != "completed":
            raise RuntimeError("the migration failed: no figure")
        figures.wait_for(lambda: (history(agent) if json.loads(agent.command("history", "--json")[1])["migrations"]
                                  else {}).get("instance_uuid") == guest.uuid, 60, "it is in the history", 0.5)
        return history(agent)
    finally:
        lab.remove_guest(guest)


def off(ratio):
    """Per cent, as a factor: twice and half are both 100 %."""
    return 100 * (math.exp(abs(math.log(ratio))) - 1)


def tell(name, ratios):
    ratios = [ratio for ratio in ratios if ratio]
    if not ratios:
        figures.say(name, "nothing was forecast: MISSED")
        return
    median = off(statistics.median(ratios))
    figures.say(name, f"{', '.join(f'{ratio:.2f}' for ratio in ratios)} of what came; median off by {median:.0f} %, "
                + figures.verdict(median, GOAL_PER_CENT, "%"))


def real(lab):
    """The first one teaches what the link carries and what a switchover costs, and is not counted."""
    here, there = lab.hosts
    agents = {name: figures.fresh_agent(
        lab, name, nova_extra="[libvirt]\nlive_migration_bandwidth = 16\n") for name in lab.hosts}
    lab.nova.knobs[here].bandwidth_mib_s = 16
    try:
        rows = [one(lab, agents[here], here, there) for _ in range(1 + figures.count("FORECAST_RUNS", 5))][1:]
        for name, kind, what in (("duration, forecast before", "forecast_before", "duration_ratio"),
                                 ("duration, forecast in flight", "forecast_first", "duration_ratio"),
                                 ("downtime, forecast before", "forecast_before", "downtime_ratio"),
                                 ("downtime, forecast in flight", "forecast_first", "downtime_ratio")):
            tell(name, [(row[kind] or {}).get(what) for row in rows])
    finally:
        for agent in agents.values():
            agent.stop()
        lab.nova.reset_knobs()
