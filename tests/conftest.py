"""No test reaches a model hub; what several tests need is made once."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # processes side by side whose threads wait for each other are slower than one
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

import hypothesis
import pytest

from tests import tiny, tiny_architectures
from tests.tuning.estimates import changed, estimator

hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.load_profile("no clock")


def pytest_collection_modifyitems(items):
    """Fast tests first: those that run whole pipelines come last."""
    items.sort(key=lambda item: ("end_to_end" in str(item.path), "agreement" in str(item.path)))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder of the tiny random model."""
    return tiny.save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_tokenizer():
    return tiny.tokenizer()


@pytest.fixture(scope="module")
def tokenizer(tiny_tokenizer):
    tiny_tokenizer.pad_token = "<|endoftext|>"
    return tiny_tokenizer


@pytest.fixture(scope="module")
def model(tiny_model):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model)


@pytest.fixture
def params(tiny_model):
    """Values as in params.yaml, for tests to change."""
    return tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")


@pytest.fixture
def recurrent_params(tmp_path):
    """Values of an experiment with a model whose layers go through a row token by token."""
    folder = tiny_architectures.save("recurrent_gemma", tmp_path / "model")
    return changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora", gradient_checkpointing=False)


@pytest.fixture
def recurrent(recurrent_params):
    """The memory of that model."""
    return estimator(recurrent_params)
