#!/usr/bin/env bash
# Measures on a GPU what the documentation says of CUDA: memory, training and generation speed, correctness, sharding.
# Takes nine minutes at the most, or as many seconds as LIMIT says, and needs no network.
#
#     bash bench/gpu.sh                      all parts; results in gpu/, or in $OUT if that is set
#     bash bench/gpu.sh --parts memory       one part alone
#     bash bench/gpu.sh --tiny               every line of it on a CPU, with sizes that mean nothing
#
# Where the project is not set up, the machine's own python3 is used, and packages that it lacks are taken from wheels/,
# which bench/gpu_wheels.sh gathers.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${PYTHON:-}" ] || [ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    if compgen -G "wheels/*.whl" >/dev/null; then
        rm -rf wheels/site
        "$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile --target wheels/site wheels/*.whl
        export PYTHONPATH="$PWD/wheels/site${PYTHONPATH:+:$PYTHONPATH}" NLTK_DATA="$PWD/wheels/nltk_data"
    fi
fi
export PYTHONUNBUFFERED=1
limit=${LIMIT:-535}
[[ $limit =~ ^[0-9]+$ ]] || { echo "LIMIT must be a whole number of seconds, not '$limit'" >&2; exit 2; }
exec timeout --kill-after=5 "$limit" "$PYTHON" -m bench.gpu --out "${OUT:-gpu}" --seconds $((limit - 20)) "$@"
