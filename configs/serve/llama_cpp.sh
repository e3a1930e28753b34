#!/bin/sh
# Lets llama.cpp answer: baseline and generate each convert the model, or model and adapter, to its format, start its
# server, ask it and end it. No GPU is needed. `model` must be a local folder.
#
#     LLAMA_CPP=~/llama.cpp sh configs/serve/llama_cpp.sh
#
# Arguments are passed on to `dvc exp run`; a later -S wins. Environment variables:
#
#     LLAMA_CPP      folder of its source, which has the scripts that convert
#     LLAMA_SERVER   its server                                               (llama-server)
#     LLAMA_PYTHON   interpreter of an environment with its requirements.txt  (python)
#     LLAMA_ARGS     further arguments of the server                          (--n-gpu-layers 99)
set -eu
cd "$(dirname "$0")/../.."
command -v dvc >/dev/null || PATH="$PWD/.venv/bin:$PATH"
: "${LLAMA_CPP:?set it to the folder of the source of llama.cpp}"

serve="env LLAMA_CPP=$LLAMA_CPP LLAMA_SERVER=${LLAMA_SERVER:-llama-server} LLAMA_PYTHON=${LLAMA_PYTHON:-python}"
serve="$serve sh configs/serve/llama_server.sh {port} {model}"

exec dvc exp run -S generation.engine=openai -S "generation.serve='$serve - ${LLAMA_ARGS:-}'" \
  -S "generation.serve_adapter='$serve {adapter} ${LLAMA_ARGS:-}'" "$@"
