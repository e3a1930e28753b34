"""Contents of repositories: six models and four data sets in the layouts that they have on the Hub, but tiny."""

import io
import json

import datasets
import torch
from transformers import AutoModelForCausalLM

from tests import tiny, tiny_architectures
from tests.hub.repositories import files_of
from tests.tiny import ROOT

MODELS = {
    "Qwen/Qwen2.5-7B": "qwen2",
    "mistralai/Mistral-7B-v0.3": "mistral",
    "meta-llama/Llama-3.1-8B": "llama",
    "google/gemma-2-2b-jpn-it": "gemma2",
    "google/recurrentgemma-9b": "recurrent_gemma",
    "microsoft/phi-2": "phi",
}
GATED = ("meta-llama/Llama-3.1-8B", "google/gemma-2-2b-jpn-it", "google/recurrentgemma-9b")
ULTRABIN = "ContextualAI/ultrabin_clean_max_chosen_min_rejected_rationalized_instruction_following"


def model(architecture, folder, seed=0):
    """The files of a tiny model in several shards; its weights' sum."""
    template, special = tiny_architectures.SPECIAL[architecture]
    words = tiny.tokenizer(template, **special)
    torch.manual_seed(seed)
    made = AutoModelForCausalLM.from_config(tiny_architectures.config(architecture, words))
    made.save_pretrained(folder, max_shard_size="60KB")
    words.save_pretrained(folder)
    files = files_of(folder)
    assert sum(path.startswith("model-0") for path in files) > 1
    return files, sum(parameter.double().sum().item() for parameter in made.parameters())


def parquet(rows):
    written = io.BytesIO()
    datasets.Dataset.from_list(rows).to_parquet(written)
    return written.getvalue()


def alpaca():
    """Parquet with a hash in its name, and a card that describes it."""
    rows = [json.loads(line) for line in (ROOT / "data/starter/instructions.jsonl").read_text("utf-8").splitlines()]
    rows = [
        {"instruction": row["instruction"], "input": row.get("input", ""), "output": row["output"], "text": "unused"}
        for row in rows[:40]
    ]
    card = (
        "---\nlicense: cc-by-nc-4.0\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n"
        "    path: data/train-*\n---\n# Alpaca\n"
    )
    return {"README.md": card.encode(), "data/train-00000-of-00001-a09b74b3ef9c3b56.parquet": parquet(rows)}


def lima():
    """A loading script, which is no longer run, and the JSON Lines that it reads."""
    rows = [
        {"conversations": [f"What is {n} and one?", f"It is {n + 1}."], "source": "stackexchange"} for n in range(9)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    test = json.dumps({"conversations": ["Write a poem."], "source": "authors"}) + "\n"
    script = b"raise SystemExit('never to be run')\n"
    return {"README.md": b"# LIMA\n", "lima.py": script, "train.jsonl": lines.encode(), "test.jsonl": test.encode()}


def ultrabin():
    """Preferences, whose preferred side is a conversation."""
    rows = []
    for n in range(6):
        sides = {
            side: [{"content": f"Say {n}.", "role": "user"}, {"content": f"{n}, {side}.", "role": "assistant"}]
            for side in ("chosen", "rejected")
        }
        rows.append({"prompt": f"Say {n}.", "prompt_id": str(n), **sides, "score_chosen": 8.0, "score_rejected": 2.0})
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n---\n"
    return {"README.md": card.encode(), "data/train-00000-of-00001.parquet": parquet(rows)}


def ifeval():
    """One file of JSON Lines in which every argument that any instruction may have stands, null where it has none."""
    rows = [
        {"key": 1000, "prompt": "No commas, please.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
        {
            "key": 1001,
            "prompt": "At least 5 words, none of them moon.",
            "instruction_id_list": ["length_constraints:number_words", "keywords:forbidden_words"],
            "kwargs": [{"relation": "at least", "num_words": 5}, {"forbidden_words": ["moon"]}],
        },
    ]
    names = ("forbidden_words", "num_words", "num_highlights", "relation", "prompt_to_repeat")
    for row in rows:
        row["kwargs"] = [{name: given.get(name) for name in names} for given in row["kwargs"]]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    card = b"---\nlicense: apache-2.0\ntask_categories:\n- text-generation\nlanguage:\n- en\n---\n# IFEval\n"
    return {"README.md": card, "ifeval_input_data.jsonl": lines.encode()}
