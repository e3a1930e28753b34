"""Energy used by a stage, read from the machine's counters; None where it has none."""

from dataclasses import dataclass, field
from pathlib import Path

RAPL = Path("/sys/class/powercap")


def counters(rapl: Path = RAPL) -> dict[str, tuple[float, float]]:
    """Joules of each counter so far, and the value at which it wraps around to zero.

    RAPL counts a processor's package (Linux, powercap: intel-rapl:N, of AMD too, readable by root), NVML a GPU since
    its driver was loaded.
    """
    found = {}
    for folder in sorted(rapl.glob("*-rapl:*")):
        if folder.name.count(":") > 1:  # a part of a package: the package's counter includes it
            continue
        try:
            used, most = (int((folder / name).read_text()) / 1e6 for name in ("energy_uj", "max_energy_range_uj"))
        except (OSError, ValueError):  # this user may not read it
            continue
        found[folder.name] = used, most
    return found | _gpus()


def _gpus() -> dict[str, tuple[float, float]]:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no such package, driver or GPU: nothing to count
        return {}
    found = {}
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            used = pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByIndex(index))
        except pynvml.NVMLError:  # older than Volta
            continue
        found[f"gpu:{index}"] = used / 1e3, float("inf")
    return found


@dataclass
class Energy:
    """Starts to count when it is made."""

    rapl: Path = RAPL
    before: dict[str, tuple[float, float]] = field(init=False)

    def __post_init__(self):
        self.before = counters(self.rapl)

    def joules(self) -> float | None:
        """Joules of the whole machine since the start; None without counters. Handles one wrap-around of a counter."""
        after = counters(self.rapl)
        used = 0.0
        for name, (start, most) in self.before.items():
            if name not in after:
                return None
            difference = after[name][0] - start
            used += difference if difference >= 0 else difference + most
        return used if self.before else None
