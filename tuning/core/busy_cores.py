"""Threads that wait for each other, beside programs that keep cores busy.

A thread of OpenMP that waits for another spins for a while before it sleeps, and so keeps the core that the awaited
thread needs where other programs leave too few. Sleeping at once is then up to twice as fast. On a machine that does
nothing else it costs a quarter of the speed, so it is chosen by what else runs. The number of threads stays as it is,
and with it every result. See GOMP_SPINCOUNT in libgomp's manual; docs/troubleshooting.md has measurements.
"""

import os
import sys
import time

SPINS, POLICY, THREADS = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS"
LOOKED_S = 0.2  # for how long it is looked at what else runs


def sleep_beside_others() -> None:
    """Lets waiting threads sleep if other programs leave fewer cores idle than there will be threads.

    To be called before torch is loaded, with which OpenMP reads its settings; later, or where the user has set one of
    them, it does nothing.
    """
    if "torch" in sys.modules or SPINS in os.environ or POLICY in os.environ:
        return
    threads = _threads()
    if threads > 1 and (idle := idle_cores()) < threads - 0.5:
        os.environ[SPINS] = "0"
        print(f"other programs leave {idle:.1f} cores for {threads} threads: these sleep while they wait ({SPINS}=0)")


def idle_cores() -> float:
    """How many of the cores that this process may use are idle, or used by what gives way, while it does nothing."""
    import psutil

    before = psutil.cpu_times(percpu=True)
    time.sleep(LOOKED_S)
    after = psutil.cpu_times(percpu=True)
    return sum(_idle(before[core], after[core]) for core in _cores() if core < len(after))


def _idle(before, after) -> float:
    """The part of the time between two readings of a core's counters in which it was free or gave way."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in before._fields if "guest" not in name}
    free = sum(spent.get(name, 0) for name in ("idle", "iowait", "nice"))
    return free / total if (total := sum(spent.values())) > 0 else 1.0


def _cores() -> list[int]:
    """The numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _threads() -> int:
    """How many threads torch will have: one for each core that is more than a second thread of another."""
    import psutil

    given = os.environ.get(THREADS, "").partition(",")[0]
    return int(given) if given.isdecimal() else min(psutil.cpu_count(logical=False) or 1, len(_cores()))
