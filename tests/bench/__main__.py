"""make bench: every figure, on one lab. BENCH="memory cpu" takes only these."""

import os
import sys
import time

from tests.lab.lab import Lab

from . import cpu, figures, fleet, latency, memory, rpc

WITHOUT_LAB = {"growth": memory.growth, "rpc": rpc.measure, "fleet": fleet.measure}
PARTS = (*WITHOUT_LAB, "memory", "latency", "cpu")


def main():
    wanted = sys.argv[1:] or PARTS
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"there is no {part}; there are: {', '.join(PARTS)}")
    figures.say("machine", f"{os.cpu_count()} processors, load before it {os.getloadavg()[0]:.2f}; "
                f"{time.strftime('%Y-%m-%d %H:%M')}")
    for part in WITHOUT_LAB:
        if part in wanted:
            WITHOUT_LAB[part]()
    if set(wanted) - set(WITHOUT_LAB):
        with Lab(record=False) as lab:
            if "memory" in wanted:
                memory.idle(lab)
            if "latency" in wanted:
                latency.measure(lab)
            if "cpu" in wanted:
                cpu.one_migration(lab)
                cpu.unrelated_messages(lab)
    figures.say("load after it", f"{os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
