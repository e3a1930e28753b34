"""Measures a stage's time and memory. Only these outputs differ between identical runs."""

import resource
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from tuning.core.energy import Energy


@dataclass
class Measurement:
    """Starts its clock when it is made."""

    started: float = field(default_factory=time.perf_counter)
    energy: Energy = field(default_factory=Energy)

    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def result(self, tokens: int) -> dict[str, Any]:
        """Seconds, tokens per second, the peak memory in bytes so far, and joules where the machine counts them.

        Peak memory is ``torch.cuda.max_memory_allocated`` on CUDA, and the greatest resident size of
        the process (getrusage) otherwise.
        """
        seconds, joules = self.seconds(), self.energy.joules()
        return {
            "seconds": round(seconds, 3),
            "tokens_per_second": round(tokens / seconds, 3),
            "peak_memory_bytes": peak_memory(),
            **({} if joules is None else {"energy_joules": round(joules, 1)}),
        }


def peak_memory() -> int:
    """Bytes; see ``Measurement.result``."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
