#!/usr/bin/env bash
# Gathers in wheels/ what a machine without a network needs beside torch to run bench/gpu.sh, about 60 MiB.
# Run it where the project is set up (`make setup`), then copy the project with wheels/ to that machine.
#
#     bash bench/gpu_wheels.sh [PYTHON]      for that machine's version of Python, 3.12 if none is named
#
# torch, numpy, pyarrow, pandas, numba, psutil, safetensors and the like are large or common: that machine has them, in
# versions of its own. Versions are those of this environment, so that they fit each other.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-3.12}
here=${PYTHON:-.venv/bin/python}
sentences=$("$here" -c 'import sys; print(sys.prefix)' 2>/dev/null)/nltk_data || true
[ -d "$sentences" ] || { echo "$here is no environment of this project: run 'make setup' first" >&2; exit 2; }
names="transformers trl peft accelerate datasets bitsandbytes huggingface-hub tokenizers dill multiprocess xxhash
    pydantic pydantic-core typing-inspection annotated-types regex nltk langdetect openai ruamel.yaml httpx2 httpcore2 truststore sniffio"
# Training curves are written by DVCLive, which needs all that DVC needs.
names="$names $($here - <<'PYTHON'
import importlib.metadata
from packaging.requirements import Requirement

there = """aiohttp attrs certifi charset-normalizer click colorama filelock fsspec idna networkx numpy nvidia-ml-py
    packaging psutil pygments pyparsing python-dateutil pyyaml requests rich setuptools six tabulate tqdm urllib3"""
found, left = set(there.split()), ["dvclive", "dvc"]
while left:
    name = left.pop().lower().replace("_", "-")
    if name not in found:
        found.add(name)
        needs = map(Requirement, importlib.metadata.requires(name) or [])
        left += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
print(*found - set(there.split()))
PYTHON
)"
names=$(printf '%s\n' $names | sort -u)
platforms=""
for version in 2_34 2_31 2_28 2_27 2_24 2_17; do platforms="$platforms --platform manylinux_${version}_x86_64"; done
platforms="$platforms --platform manylinux2014_x86_64 --platform manylinux1_x86_64"

rm -rf wheels
mkdir wheels
download() { # the wheel of a package, with or without a version
    # shellcheck disable=SC2086
    $here -m pip download --quiet --no-deps --only-binary=:all: --python-version "$python" --implementation cp \
        $platforms --dest wheels "$1"
}
build() { # a wheel from a package's source, with what is installed here
    DS_BUILD_OPS=0 $here -m pip wheel --quiet --no-deps --no-build-isolation --no-binary "${1%%=*}" --wheel-dir wheels "$1"
}
for name in $names; do
    package="$name==$($here -c "import importlib.metadata as m; print(m.version('$name'))")"
    download "$package" 2>/dev/null || build "$package"
done
# What is compared with, or only a GPU needs. Each is left out where it cannot be had; the part that needs it says so.
download liger-kernel || echo "without liger-kernel"
build "deepspeed==0.19.8" || echo "without deepspeed"
for name in hjson einops msgpack py-cpuinfo ninja; do download $name; done  # which it needs

$here - <<'PYTHON'
# bitsandbytes carries a library for every version of CUDA: those of CUDA 13 and of the CPU stay.
import os
import zipfile
from pathlib import Path

[path] = Path("wheels").glob("bitsandbytes-*.whl")
new = path.with_suffix(".new")
with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as kept:
    for item in old.infolist():
        name = os.path.basename(item.filename)
        if not name.startswith("libbitsandbytes_") or name.startswith(("libbitsandbytes_cuda13", "libbitsandbytes_cpu")):
            kept.writestr(item, old.read(item))
new.replace(path)
PYTHON
cp -r "$sentences" wheels/
du -sh wheels
