"""A server against the project's own engine: the same prompts through baseline and generate with both, their texts
compared, and their rates.

``make vllm-cpu`` makes the environment that the defaults name, and runs this. Another server has another command:

    python bench/served.py --serve '...' --serve-adapter '...'

It needs models/adapter (``dvc pull``, or ``dvc repro train``), and leaves the project's own results as they are.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tuning.config.yaml_file import load
from tuning.core.files import read_jsonl

# Both compute in float32; the rest is as in configs/serve/vllm.sh. vLLM takes gibibytes for keys and values.
VLLM = (
    f"env VLLM_CPU_KVCACHE_SPACE=2 {ROOT}/.venv-vllm/bin/vllm serve {{model}} --port {{port}} --generation-config vllm"
)
VLLM += " --dtype float32"
ADAPTER = " --enable-lora --max-lora-rank {rank} --lora-modules tuned={adapter}"
ADAPTER += " --chat-template {adapter}/chat_template.jinja"


def main() -> None:
    given = arguments()
    stages = {"base": "baseline", "tuned": "generate"}
    commands = {"serve": given.serve, "serve_adapter": given.serve_adapter}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, given.prompts)
        found = {}
        for engine, changes in (("transformers", {}), ("openai", commands)):
            write_params(folder, given, engine=engine, **changes)
            for which in given.only:
                found[engine, which] = run(folder, stages[which], which)
    report(found, given.only)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", default=VLLM, help="as generation.serve")
    parser.add_argument("--serve-adapter", default=VLLM + ADAPTER, help="as generation.serve_adapter")
    parser.add_argument("--prompts", type=int, default=40, help="of the starter prompts, so many (%(default)s)")
    parser.add_argument("--only", choices=["base", "tuned"], nargs="+", default=["base", "tuned"])
    return parser.parse_args()


def prepare(folder: Path, prompts: int) -> None:
    """What the stages read: prompts, models and adapter."""
    if not (ROOT / "models/adapter").is_dir():
        sys.exit("models/adapter is not here: `dvc pull` fetches it, `dvc repro train` trains it")
    (folder / "models").symlink_to(ROOT / "models")
    (folder / "data/prepared").mkdir(parents=True)
    lines = (ROOT / "data/starter/prompts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "data/prepared/prompts.jsonl").write_text("".join(lines[:prompts]), encoding="utf-8")


def write_params(folder: Path, given: argparse.Namespace, **generation: str) -> None:
    values = load(ROOT / "params.yaml")
    values["model_config"]["dtype"] = "float32"
    values["generation"].update(batch_size=given.prompts, concurrency=given.prompts, **generation)
    (folder / "params.yaml").write_text(json.dumps(values), encoding="utf-8")


def run(folder: Path, stage: str, which: str) -> tuple[list[str], dict]:
    """The texts, and what was measured of them."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment)
    if done.returncode:
        sys.exit(f"{stage} has failed; the reason stands above")
    texts = [row["response"] for row in read_jsonl(folder / f"data/responses/{which}.jsonl")]
    return texts, json.loads((folder / f"metrics/measured/{stage}.json").read_text(encoding="utf-8"))


def report(found: dict, which: list[str]) -> None:
    """The table of docs/performance.md."""
    print("| answers | equal texts | this project, tokens per second | the server, tokens per second |")
    print("| --- | --- | --- | --- |")
    for name in which:
        (ours, own), (theirs, served) = found["transformers", name], found["openai", name]
        equal = sum(one.strip() == other.strip() for one, other in zip(ours, theirs, strict=True))
        rates = [f"{measured['tokens_per_second']:.0f}" for measured in (own, served)]
        print(f"| {name} | {equal} of {len(ours)} | {' | '.join(rates)} |")
        for one, other in zip(ours, theirs, strict=True):
            if one.strip() != other.strip():
                print(f"\nthis project: {one!r}\nthe server:   {other!r}", file=sys.stderr)


if __name__ == "__main__":
    main()
