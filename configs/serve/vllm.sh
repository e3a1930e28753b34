#!/bin/sh
# Lets vLLM answer: baseline and generate each start it, ask it and end it. One command does all of a run:
#
#     sh configs/serve/vllm.sh -S model=meta-llama/Llama-3.1-8B
#
# Arguments are passed on to `dvc exp run`; a later -S wins. Environment variables:
#
#     VLLM        its command, which may be of another virtual environment   (/opt/vllm/bin/vllm)
#     VLLM_ARGS   further arguments of `vllm serve`                          (--tensor-parallel-size 8)
set -eu
cd "$(dirname "$0")/../.."
command -v dvc >/dev/null || PATH="$PWD/.venv/bin:$PATH"

# Without --generation-config vllm, the model's generation_config.json would decide what params.yaml leaves open.
serve="${VLLM:-vllm} serve {model} --revision {revision} --port {port} --generation-config vllm ${VLLM_ARGS:-}"
adapter="--enable-lora --max-lora-rank {rank} --lora-modules tuned={adapter}"
adapter="$adapter --chat-template {adapter}/chat_template.jinja"

exec dvc exp run -S generation.engine=openai -S "generation.serve='$serve'" \
  -S "generation.serve_adapter='$serve $adapter'" -S generation.base_model=null -S generation.tuned_model=tuned "$@"
