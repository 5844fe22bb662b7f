"""make bench: every figure, on one lab. BENCH="memory cpu" takes only these."""

import os
import subprocess
import sys
import time

from tests.lab.lab import Lab

from . import cpu, figures, forecast, latency, memory, reserve

PARTS = ("growth", "forecast", "memory", "latency", "cpu", "reserve", "policy")


def main():
    wanted = sys.argv[1:] or PARTS
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"there is no {part}; there are: {', '.join(PARTS)}")
    figures.say("machine", f"{os.cpu_count()} processors, load before it {os.getloadavg()[0]:.2f}; "
                f"{time.strftime('%Y-%m-%d %H:%M')}")
    if "growth" in wanted:
        memory.growth()
    if "forecast" in wanted:
        forecast.simulated()
    if "policy" in wanted:
        # in virtual time: 1 when a goal is missed, which its figures tell
        subprocess.run([figures.program("policies"), str(figures.count("SCENARIOS", 240))], check=False)
    if set(wanted) - {"growth", "policy"}:
        with Lab(record=False) as lab:
            if "forecast" in wanted:
                forecast.real(lab)
            if "memory" in wanted:
                memory.idle(lab)
            if "latency" in wanted:
                latency.measure(lab)
            if "cpu" in wanted:
                cpu.one_migration(lab)
                cpu.unrelated_messages(lab)
            if "reserve" in wanted:
                reserve.measure(lab)
    if "reserve" in wanted:
        reserve.verdicts()
    figures.say("load after it", f"{os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
