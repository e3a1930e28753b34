"""Measures on a GPU what the documentation says of CUDA; see bench/gpu.sh.

    python -m bench.gpu [--out FOLDER] [--seconds 520] [--parts memory training ...] [--tiny]

Each part runs in a process of its own with a limit of its own, and writes its JSON file into the folder as it goes, so
that a part that fails or is cut leaves what it had. Parts that time nothing run beside each other. With ``--tiny``
models and sizes are so small that a CPU goes through every line in minutes, all parts in one process; the numbers then
mean nothing.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Seconds that parts may take on a GPU, the most important first, and which run at the same time; what some leave, the
# others may use.
TOGETHER = {
    ("memory", "correctness", "sharding"): 120,
    ("pipeline",): 130,
    ("training",): 110,
    ("generation",): 150,
}
PARTS = [name for names in TOGETHER for name in names]
LOADING = 15  # of these, what a process takes before it measures, and in which it notices that its time is over


def main() -> int:
    arguments = parsed()
    arguments.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # so that no part goes on alone
    if arguments.here:
        return run_here(arguments)
    ends, failed = time.monotonic() + arguments.seconds, []
    groups = {tuple(name for name in names if name in arguments.parts): limit for names, limit in TOGETHER.items()}
    if arguments.tiny:
        failed = in_own_processes(arguments, [arguments.parts], arguments.seconds)
        groups = {}
    later = sum(limit for names, limit in groups.items() if names)
    for names, limit in groups.items():
        later -= limit if names else 0
        left = ends - time.monotonic()
        failed += in_own_processes(arguments, [[name] for name in names], max(min(left, limit), left - later))
    from bench.gpu.table import write

    write(arguments.out)
    if failed:
        print(f"failed or cut: {', '.join(failed)}; {arguments.out} has what they had", file=sys.stderr)
    return 1 if failed else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("gpu"))
    parser.add_argument("--seconds", type=float, default=520)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--here", action="store_true", help="run the parts in this process")
    return parser.parse_args()


def in_own_processes(arguments: argparse.Namespace, groups: list[list[str]], seconds: float) -> list[str]:
    """Runs each group of parts in a process of its own, and ends them with all they started when the time is over.

    Returns:
        The parts that failed or were cut.
    """
    if seconds < LOADING:
        return [name for parts in groups for name in parts]
    ends = time.monotonic() + seconds
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # so that matrix products are repeatable
    started: list[tuple[list[str], subprocess.Popen]] = []
    failed: list[str] = []
    try:
        for parts in groups:
            limit = ["--out", str(arguments.out), "--seconds", str(seconds - LOADING), "--parts", *parts]
            command = [sys.executable, "-m", "bench.gpu", "--here", *limit, *["--tiny"] * arguments.tiny]
            started.append((parts, subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)))
        for parts, process in started:
            try:
                failed += parts if process.wait(max(0, ends - time.monotonic())) else []
            except subprocess.TimeoutExpired:
                print(f"{', '.join(parts)}: cut after {seconds:.0f} seconds", file=sys.stderr, flush=True)
                failed += parts
    finally:
        for _, process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return failed


def run_here(arguments: argparse.Namespace) -> int:
    """Runs the parts in this process, each with what is left of the time."""
    from importlib import import_module

    from bench.gpu.models import Bench, free

    modules = {"training": "training_speed", "generation": "generation_speed"}
    ends = time.monotonic() + arguments.seconds
    for name in arguments.parts:
        part = import_module(f"bench.gpu.{modules.get(name, name)}")
        part.run(Bench(arguments.out.resolve(), arguments.tiny, ends - time.monotonic()))
        free()
    return 0


if __name__ == "__main__":
    sys.exit(main())
