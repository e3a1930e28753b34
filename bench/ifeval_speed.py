"""Scoring 541 rows: this package beside lm-eval's ``process_results``, each in a fresh process on one core.

    python bench/ifeval_speed.py [--rows 541] [--repeat 3]

The prompts are the starter prompts, repeated until there are enough; each response is put together
from outputs of the starter data, one to three of them, so that lengths are those of real answers.
Three rows are scored first, so that the timed part excludes imports, language profiles and the sentence model; the time
of the whole process is shown too. Verdicts must be the same.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

OURS = """
from ifeval import build, judge
def score(rows):
    verdicts = []
    for row in rows:
        pairs = zip(row["instruction_id_list"], row["kwargs"], strict=True)
        results = judge([build(*pair) for pair in pairs], row["response"])
        verdicts.append([[strict for strict, _, _ in results], [loose for _, loose, _ in results]])
    return verdicts
"""

THEIRS = """
import langdetect
langdetect.DetectorFactory.seed = 0
from lm_eval.tasks.ifeval.utils import process_results
def score(rows):
    results = [process_results(row, [row["response"]]) for row in rows]
    return [[result["inst_level_strict_acc"], result["inst_level_loose_acc"]] for result in results]
"""

WARM_UP = [
    {
        "key": 0,
        "prompt": "",
        "response": "Some words in English, for a start.",
        "instruction_id_list": [name],
        "kwargs": [kwargs],
    }
    for name, kwargs in (
        ("language:response_language", {"language": "en"}),
        ("length_constraints:number_sentences", {"num_sentences": 1, "relation": "at least"}),
        ("change_case:capital_word_frequency", {"capital_frequency": 1, "capital_relation": "at least"}),
    )
]

DRIVER = """
import json, sys, time
warm_up, rows = json.load(sys.stdin)
score(warm_up)
started = time.perf_counter()
verdicts = score(rows)
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "verdicts": verdicts}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=541)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    rows = make_rows(arguments.rows)
    best = {}
    for _ in range(arguments.repeat):
        for name, code in (("lm-eval", THEIRS), ("this package", OURS)):
            result = run(code, rows)
            if name not in best or result["seconds"] < best[name]["seconds"]:
                best[name] = result
    agree = best["lm-eval"]["verdicts"] == best["this package"]["verdicts"]
    ratio = best["lm-eval"]["seconds"] / best["this package"]["seconds"]
    words = sum(len(row["response"].split()) for row in rows) / len(rows)
    print(f"{len(rows)} rows, responses of {words:.0f} words on average, best of {arguments.repeat}")
    print("| scorer | seconds | rows per second | whole process, seconds |\n| --- | --- | --- | --- |")
    for name, result in best.items():
        seconds, whole = result["seconds"], result["whole"]
        print(f"| {name} | {seconds:.2f} | {len(rows) / seconds:.0f} | {whole:.1f} |")
    print(f"{ratio:.1f} times as fast; verdicts {'are the same' if agree else 'DIFFER'}")


def make_rows(count: int) -> list[dict]:
    """Rows in IFEval's schema, each with a response."""
    prompts = [json.loads(line) for line in (ROOT / "data/starter/prompts.jsonl").read_text("utf-8").splitlines()]
    outputs = [
        json.loads(line)["output"]
        for line in (ROOT / "data/starter/instructions.jsonl").read_text("utf-8").splitlines()
    ]
    rng = random.Random(2311)
    rows = []
    for key in range(count):
        response = "\n\n".join(rng.sample(outputs, rng.randint(1, 3)))
        change = {"change_case:english_lowercase": str.lower, "change_case:english_capital": str.upper}
        for name in prompts[key % len(prompts)]["instruction_id_list"]:
            if name in change and rng.random() < 0.5:  # half of these are to be followed
                response = change[name](response)
        rows.append({**prompts[key % len(prompts)], "key": key, "response": response})
    return rows


def run(code: str, rows: list[dict]) -> dict:
    """Scores the rows in a fresh process on one core."""
    pin = "import os\nif hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    command = [sys.executable, "-c", pin + code + DRIVER]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps([WARM_UP, rows]), stdout=subprocess.PIPE, text=True, check=True
    )
    return {"whole": time.perf_counter() - started, **json.loads(done.stdout.splitlines()[-1])}


if __name__ == "__main__":
    main()
