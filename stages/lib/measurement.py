"""How long a stage took and how much memory it used: the only outputs that differ between equal runs."""

import resource
import sys
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Measurement:
    """Starts its clock when it is made."""

    started: float = field(default_factory=time.perf_counter)

    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def result(self, tokens: int) -> dict[str, Any]:
        """Seconds, tokens per second, and the peak memory in bytes so far.

        Peak memory is ``torch.cuda.max_memory_allocated`` on CUDA, and the greatest resident size of
        the process (getrusage) otherwise.
        """
        seconds = self.seconds()
        return {
            "seconds": round(seconds, 3),
            "tokens_per_second": round(tokens / seconds, 3),
            "peak_memory_bytes": peak_memory(),
        }


def peak_memory() -> int:
    """Bytes; see ``Measurement.result``."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
