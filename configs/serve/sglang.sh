#!/bin/sh
# Lets SGLang answer: baseline and generate each start it, ask it and end it.
#
#     sh configs/serve/sglang.sh -S model=meta-llama/Llama-3.1-8B
#
# Arguments are passed on to `dvc exp run`; a later -S wins. Environment variables:
#
#     SGLANG_PYTHON   the interpreter of the environment that has SGLang     (/opt/sglang/bin/python)
#     SGLANG_ARGS     further arguments of its server                        (--tp 8)
set -eu
cd "$(dirname "$0")/../.."
command -v dvc >/dev/null || PATH="$PWD/.venv/bin:$PATH"

# Its default is to take what params.yaml leaves open from the model's generation_config.json.
serve="${SGLANG_PYTHON:-python} -m sglang.launch_server --model-path {model} --revision {revision} --port {port}"
serve="$serve --served-model-name served --sampling-defaults openai ${SGLANG_ARGS:-}"
adapter="--enable-lora --max-lora-rank {rank} --lora-paths tuned={adapter}"
adapter="$adapter --chat-template {adapter}/chat_template.jinja"

# An adapter is asked for as MODEL:ADAPTER.
exec dvc exp run -S generation.engine=openai -S "generation.serve='$serve'" \
  -S "generation.serve_adapter='$serve $adapter'" \
  -S generation.base_model=served -S "generation.tuned_model='served:tuned'" "$@"
