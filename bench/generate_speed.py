"""Generation speed: this project beside transformers' generate, lm_eval and llama.cpp, on the same prompts.

    python bench/generate_speed.py [--prompts 128] [--new-tokens 256] [--llama-server PATH --gguf FILE]

Each way answers the same starter prompts greedily with the embedded model in float32, on the same cores, one after
another, in a process of its own:

- ours: the stages' own decoding, ``generation.batch_size: auto``;
- ours without NAME: the same with one of its parts switched off, to see what each part gives;
- ours with kept memory: the same where the C library keeps freed memory in the process, as in training;
- generate_batch: transformers' own continuous batching;
- generate: ``transformers``' ``generate`` in batches of 32 prompts, sorted by length;
- lm_eval: the ``hf`` model class of the Language Model Evaluation Harness, batches of 32, which it sorts;
- llama.cpp: its server on the GGUF file, 32 requests at once, if its program is given or on the PATH.

The speed is answer tokens per second, without loading the model. The last column divides the arithmetic of prompts and
answers (two operations per weight and token) by the machine's float32 matrix product rate on square matrices of 2,048.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tuning.config.params import Params, checked
from tuning.config.yaml_file import load
from tuning.core.allocator import keep_freed_memory
from tuning.core.measurement import peak_memory
from tuning.generation import decoding, kv_cache, server_client
from tuning.generation.continuous import attention, kernels, packed_weights
from tuning.generation.server_connection import Server
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer, prompt_tokens
from tuning.model.model_spec import model_spec

BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--llama-server", default=shutil.which("llama-server"))
    parser.add_argument("--gguf", help="the GGUF file for llama.cpp")
    parser.add_argument("--only", choices=WAYS, help="measure one way in this process, and print the numbers")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    if arguments.only:
        print("\n" + json.dumps(WAYS[arguments.only](arguments)))
        return
    ways = [way for way in arguments.ways if way != "llama.cpp" or (arguments.llama_server and arguments.gguf)]
    results = {}
    for name in ways:
        command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"{name} failed", flush=True)
            continue
        results[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, results[name], flush=True)
    report(results)


def report(results: dict[str, dict]) -> None:
    """Prints the table."""
    rate = matrix_rate()
    print(f"\nfloat32 matrix product rate: {rate / 1e9:.0f} GFLOP/s")
    print("\n| way | tokens per second | seconds | peak memory, GiB | ours is | of the matrix product rate |")
    print("| --- | --- | --- | --- | --- | --- |")
    ours = results["ours"]
    for name, found in results.items():
        speed = found["new_tokens"] / found["seconds"]
        ratio = ours["new_tokens"] / ours["seconds"] / speed
        share = 2 * ours["parameters"] * (found["new_tokens"] + ours["prompt_tokens"]) / found["seconds"] / rate
        memory = f"{found['peak_memory'] / 2**30:.1f}" if found["peak_memory"] else "?"
        print(f"| {name} | {speed:.0f} | {found['seconds']:.0f} | {memory} | {ratio:.2f} times as fast | {share:.0%} |")


def matrix_rate() -> float:
    """Floating-point operations a second of a product of two float32 matrices of 2,048 rows and columns."""
    import torch

    matrix = torch.randn(2048, 2048)
    best = min(_seconds(lambda: matrix @ matrix) for _ in range(10))
    return 2 * 2048**3 / best


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def conversations(arguments) -> list[list[dict[str, str]]]:
    lines = (ROOT / "data/starter/prompts.jsonl").read_text(encoding="utf-8").splitlines()[: arguments.prompts]
    return [[{"role": "user", "content": json.loads(line)["prompt"]}] for line in lines]


def experiment(arguments, **generation) -> Params:
    """The default experiment, greedy, with so many new tokens."""
    values = load(ROOT / "params.yaml")
    values["model"] = str(ROOT / values["model"])
    values["generation"].update(max_new_tokens=arguments.new_tokens, do_sample=False, **generation)
    return checked(values)


def loaded(arguments):
    """The model, its tokenizer, how it decodes, and the prompts' token ids."""
    params = experiment(arguments)
    tokenizer, model = load_tokenizer(params), load_model(model_spec(params)).eval()
    config = decoding.generation_config(model, tokenizer, params.generation.arguments)
    return model, tokenizer, config, [prompt_tokens(tokenizer, turns) for turns in conversations(arguments)]


def result(new_tokens: int, seconds: float, **more) -> dict:
    return {"new_tokens": new_tokens, "seconds": seconds, "peak_memory": peak_memory(), **more}


def ours(arguments) -> dict:
    model, tokenizer, config, prompts = loaded(arguments)
    started, tokens = time.perf_counter(), 0
    size = kv_cache.batch_size(model, max(map(len, prompts)) + arguments.new_tokens)
    for batch in decoding.generate(model, tokenizer, prompts, decoding.Decoding(config, size, seed=0)):
        tokens += sum(response.new_tokens for _, response in batch)
    seconds = time.perf_counter() - started
    return result(tokens, seconds, parameters=model.num_parameters(), prompt_tokens=sum(map(len, prompts)))


def after(change: Callable[[], None]) -> Callable:
    """The project's own way after a change, such as one that switches off a part of it."""

    def measured(arguments) -> dict:
        change()
        return ours(arguments)

    return measured


def without_kernels() -> None:
    """Decoding steps multiply queries with keys by torch's batched matrix product."""
    kernels.RUNS = False


def without_packed_weights() -> None:
    """Linear layers multiply by their weights as they lie in memory."""
    packed_weights.USED = False


def without_grouping() -> None:
    """Attention is torch's own, which repeats keys and values for the query heads that share them."""
    import torch

    def plain(module, query, key, value, attention_mask, scaling=None, **_):
        mask = attention_mask.expand(len(query), -1, -1, -1)
        options = {"attn_mask": mask, "scale": scaling, "enable_gqa": query.shape[1] != key.shape[1]}
        output = torch.nn.functional.scaled_dot_product_attention(query, key, value, **options)
        return output.transpose(1, 2), None

    attention.AttentionInterface.register(attention.ATTENTION, plain)


def generate_batch(arguments) -> dict:
    from transformers import ContinuousBatchingConfig

    model, _, config, prompts = loaded(arguments)
    started = time.perf_counter()
    found = model.generate_batch(prompts, config, ContinuousBatchingConfig(max_memory_percent=0.3))
    seconds = time.perf_counter() - started
    return result(sum(len(output.generated_tokens) for output in found.values()), seconds)


def generate(arguments) -> dict:
    import torch

    model, tokenizer, config, prompts = loaded(arguments)
    prompts.sort(key=len)
    started, tokens = time.perf_counter(), 0
    for first in range(0, len(prompts), BATCH):
        batch = {"input_ids": prompts[first : first + BATCH]}
        inputs = tokenizer.pad(batch, padding_side="left", return_tensors="pt")
        with torch.inference_mode():
            output = model.generate(**inputs, generation_config=config)
        for ids in output[:, inputs["input_ids"].shape[1] :].tolist():
            end = next((place for place, token in enumerate(ids) if token in config.eos_token_id), len(ids) - 1)
            tokens += end + 1
    return result(tokens, time.perf_counter() - started)


def lm_eval(arguments) -> dict:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model, tokenizer, _, _ = loaded(arguments)
    harness = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=BATCH, max_length=2048)
    texts = [
        tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        for turns in conversations(arguments)
    ]
    options = {"until": ["<|im_end|>"], "max_gen_toks": arguments.new_tokens, "do_sample": False}
    requests = [
        Instance(request_type="generate_until", doc={}, arguments=(text, options), idx=index)
        for index, text in enumerate(texts)
    ]
    started = time.perf_counter()
    answers = harness.generate_until(requests)
    seconds = time.perf_counter() - started
    lengths = [len(tokenizer(answer, add_special_tokens=False)["input_ids"]) for answer in answers]
    return result(sum(min(length + 1, arguments.new_tokens) for length in lengths), seconds)


def llama_cpp(arguments) -> dict:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = str(BATCH * (256 + arguments.new_tokens))
    command = [arguments.llama_server, "--model", arguments.gguf, "--port", str(port), "--parallel", str(BATCH)]
    server = subprocess.Popen([*command, "--ctx-size", context, "--threads", "2"], stdout=subprocess.DEVNULL)
    try:
        generation = experiment(arguments, base_url=f"http://127.0.0.1:{port}/v1", concurrency=BATCH).generation
        keys = range(arguments.prompts)
        asked = Server(generation, "model", 0, keys, lambda text: len(text.split()), print)
        client = asked.connect()
        while not _answers(client):
            time.sleep(0.2)
        started, tokens = time.perf_counter(), 0
        for batch in server_client.generate(asked, conversations(arguments)):
            tokens += sum(response.new_tokens for _, response in batch)
        seconds = time.perf_counter() - started
        status = Path(f"/proc/{server.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return {"new_tokens": tokens, "seconds": seconds, "peak_memory": peak * 1024}
    finally:
        server.terminate()


def _answers(client) -> bool:
    import openai

    try:
        client.models.list()
    except openai.OpenAIError:
        return False
    return True


WAYS = {
    "ours": ours,
    "ours without kernels": after(without_kernels),
    "ours without packed weights": after(without_packed_weights),
    "ours without grouping": after(without_grouping),
    "ours with kept memory": after(keep_freed_memory),
    "ours again": ours,
    "generate": generate,
    "generate_batch": generate_batch,
    "lm_eval": lm_eval,
    "llama.cpp": llama_cpp,
}

if __name__ == "__main__":
    main()
