#!/bin/sh
# llama_server.sh PORT MODEL ADAPTER [ARGUMENT...]: the server of llama.cpp, with model and adapter in its own format.
# ADAPTER may be - for none. llama_cpp.sh says what the environment variables are.
set -eu
port=$1 model=$2 adapter=$3
shift 3

folder=$(mktemp -d) server=
trap 'rm -rf "$folder"' EXIT
trap 'kill "$server" 2>/dev/null || true' TERM  # the stage sends it to the whole group: the files go all the same
"$LLAMA_PYTHON" "$LLAMA_CPP/convert_hf_to_gguf.py" "$model" --outtype auto --outfile "$folder/model.gguf"
if [ "$adapter" != - ]; then
  "$LLAMA_PYTHON" "$LLAMA_CPP/convert_lora_to_gguf.py" "$adapter" --base "$model" --outtype f32 \
    --outfile "$folder/adapter.gguf"
  set -- --lora "$folder/adapter.gguf" --chat-template-file "$adapter/chat_template.jinja" "$@"
fi
# Requests share one context; without --no-cache-prompt an answer may depend on what was asked before it.
"$LLAMA_SERVER" --model "$folder/model.gguf" --port "$port" --parallel 32 --kv-unified \
  --ctx-size 65536 --no-cache-prompt "$@" &
server=$!
wait "$server"
