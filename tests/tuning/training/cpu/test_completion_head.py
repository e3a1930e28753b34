"""The CPU's head and loss, against TRL's."""

import copy

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from trl import SFTTrainer

from tests import loading, tiny, tiny_architectures
from tests.tuning.estimates import changed
from tuning.config.params import checked
from tuning.training.cpu import completion_head, faster_steps
from tuning.training.cpu.completion_head import CompletionTrainer, LogProbabilities

ROWS = Dataset.from_list(
    [{"input_ids": list(range(5, 12 + row)), "labels": [-100] * 3 + list(range(8, 12 + row))} for row in range(8)]
)


@settings(max_examples=25, deadline=None)
@given(
    tokens=st.integers(0, 9),
    size=st.integers(1, 5),
    vocabulary=st.integers(2, 12),
    at_once=st.integers(1, 40),
    biased=st.booleans(),
)
def test_probabilities_and_gradients_are_those_of_all_logits(tokens, size, vocabulary, at_once, biased):
    torch.manual_seed(0)
    hidden = torch.randn(tokens, size, dtype=torch.float64, requires_grad=True)
    weight, bias = torch.randn(vocabulary, size, dtype=torch.float64), torch.randn(vocabulary, dtype=torch.float64)
    targets, factors = torch.randint(vocabulary, (tokens,)), torch.randn(tokens)
    before = completion_head.ELEMENTS, completion_head.MULTIPLE
    completion_head.ELEMENTS, completion_head.MULTIPLE = at_once, 2
    try:
        found = LogProbabilities.apply(hidden, weight, bias if biased else None, targets)
    finally:
        completion_head.ELEMENTS, completion_head.MULTIPLE = before
    logits = torch.nn.functional.linear(hidden, weight, bias if biased else None)
    expected = torch.log_softmax(logits, -1).gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(found, expected.float())
    [one], [other] = (torch.autograd.grad((each * factors).sum(), hidden) for each in (found, expected))
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@given(count=st.integers(0, 200))
def test_positions_are_filled_up_to_a_multiple(count):
    positions = torch.arange(3, 3 + count)
    found = completion_head.filled_up(positions)
    assert torch.equal(found[:count], positions)
    assert len(found) - count < completion_head.MULTIPLE
    assert len(found) % completion_head.MULTIPLE == 0 or not count


def test_nothing_is_kept_where_no_gradient_is_needed():
    hidden = torch.randn(3, 4, requires_grad=True)
    with torch.no_grad():
        found = LogProbabilities.apply(hidden, torch.randn(6, 4), None, torch.tensor([0, 5, 2]))
    assert not found.requires_grad


def losses(values, tokenizer, folder, monkeypatch, own: bool) -> list[float]:
    """Of each step and of the validation, with this head or with TRL's."""
    monkeypatch.setattr(faster_steps, "fits", completion_head.fits if own else lambda *_: False)
    torch.manual_seed(0)
    trainer = loading.trainer(values, tokenizer, ROWS, folder)
    assert type(trainer) is (CompletionTrainer if own else SFTTrainer)
    trainer.eval_dataset = trainer.train_dataset
    trainer.train()
    trainer.evaluate()
    return [entry[name] for entry in trainer.state.log_history for name in ("loss", "eval_loss") if name in entry]


@pytest.mark.parametrize("kind", ["lora", "prompt", "4-bit"])
@pytest.mark.parametrize("steps", [1, 3])
def test_losses_are_those_of_trls_head(params, kind, steps, tokenizer, tmp_path, monkeypatch):
    more = {"max_steps": 4, "logging_steps": 1, "learning_rate": 1e-2, "per_device_train_batch_size": 2}
    values = changed(params, kind, gradient_checkpointing=False, gradient_accumulation_steps=steps, **more)
    ours, theirs = (losses(values, tokenizer, tmp_path / str(own), monkeypatch, own) for own in (True, False))
    assert len(ours) == 5
    assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("architecture", tiny_architectures.ARCHITECTURES)
def test_every_architecture_that_fits_learns_the_same(architecture, tokenizer, tmp_path, monkeypatch):
    folder = tiny_architectures.save(architecture, tmp_path / "model")
    values = changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora", gradient_checkpointing=False)
    values["train"].update(max_steps=3, logging_steps=1, learning_rate=1e-2, per_device_train_batch_size=2)
    fits = faster_steps.has_own_head(loading.adapted(values), config_of(values, tmp_path))
    assert fits == (architecture not in ("gemma2", "recurrent_gemma"))  # which cap their logits
    if fits:
        ours, theirs = (losses(values, tokenizer, tmp_path / str(own), monkeypatch, own) for own in (True, False))
        assert ours == pytest.approx(theirs, rel=1e-4)


def config_of(values, folder):
    from tuning.model.adapters import adapter_spec
    from tuning.model.model_spec import model_spec
    from tuning.training.trainer import training_config

    params = checked(copy.deepcopy(values))
    return training_config(params, model_spec(params), adapter_spec(params), folder, validates=False)


@pytest.mark.parametrize(
    "change", [{"loss_type": "dft"}, {"label_smoothing_factor": 0.1}, {"metric_for_best_model": "entropy"}]
)
def test_other_losses_and_metrics_are_left_to_trl(params, change, tokenizer, tmp_path):
    values = changed(params, "lora", gradient_checkpointing=False, **change)
    assert type(loading.trainer(values, tokenizer, ROWS, tmp_path)) is SFTTrainer


def test_a_head_that_is_trained_is_left_to_trl(params, tokenizer, tmp_path):
    for values in (changed(params, "full"), changed(params, "lora")):
        if values["lora"]["enabled"]:
            values["lora"]["modules_to_save"] = ["lm_head"]
        assert type(loading.trainer(values, tokenizer, ROWS, tmp_path)) is SFTTrainer


def test_without_labels_the_model_answers_as_before(params, tokenizer, tmp_path):
    trainer = loading.trainer(changed(params, "lora", gradient_checkpointing=False), tokenizer, ROWS, tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    output = trainer.model(input_ids=ids, labels=ids)
    assert output.logits.shape == (1, 3, len(tokenizer))
    assert output.loss > 0
