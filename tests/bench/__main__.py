"""make bench: every figure, on one lab. BENCH="memory cpu" takes only these."""

import os
import subprocess
import sys
import time

from tests.lab.lab import Lab

from . import contest, cpu, figures, fleet, forecast, latency, memory, reserve, rpc


def policies():
    """In virtual time; it ends with 1 when a goal is missed, which its figures tell."""
    subprocess.run([figures.program("policies"), str(figures.count("SCENARIOS", 240))], check=False)


def cpu_of_all(lab):
    cpu.one_migration(lab)
    cpu.unrelated_messages(lab)


# part -> (without a lab, on the lab); either may be None
PARTS = {
    "growth": (memory.growth, None),
    "policy": (policies, None),
    "contest": (None, contest.measure),
    "rpc": (rpc.measure, None),
    "fleet": (fleet.measure, None),
    "forecast": (forecast.simulated, forecast.real),
    "memory": (None, memory.idle),
    "latency": (None, latency.measure),
    "cpu": (None, cpu_of_all),
    "reserve": (reserve.verdicts, reserve.measure),
}


def main():
    wanted = sys.argv[1:] or list(PARTS)
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"there is no {part}; there are: {', '.join(PARTS)}")
    figures.say("machine", f"{os.cpu_count()} processors, load before it {os.getloadavg()[0]:.2f}; "
                f"{time.strftime('%Y-%m-%d %H:%M')}")
    for alone in [PARTS[part][0] for part in wanted if PARTS[part][0]]:
        alone()
    on_the_lab = [PARTS[part][1] for part in wanted if PARTS[part][1]]
    if on_the_lab:
        with Lab(record=False) as lab:
            for measure in on_the_lab:
                measure(lab)
    figures.say("load after it", f"{os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
