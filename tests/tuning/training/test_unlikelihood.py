"""The loss of unlikelihood training against its formula, with TRL's head and with ours."""

import math

import pytest
import torch

from tests import tiny
from tuning.generation import kept_answers
from tuning.model.adapters import adapter_spec, add_adapter
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer
from tuning.model.model_spec import model_spec
from tuning.training.fitting import Subject
from tuning.training.trainer import make_trainer, training_config
from tuning.training.unlikelihood import IGNORED, SHARDED, UNLEARNT, UnlikelihoodTrainer, divided, looping_answers


@pytest.fixture(params=["lora", "prompt tuning", "full"])
def made(request, tiny_model, tmp_path):
    """A function that makes the trainer of some rows, for each kind of what is trained."""

    def trainer(rows: list[dict]) -> UnlikelihoodTrainer:
        from datasets import Dataset

        values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
        values["full_finetuning"] = request.param == "full"
        values["lora"]["enabled"] = request.param == "lora"
        values["prompt_tuning"]["enabled"] = request.param == "prompt tuning"
        values["train"].update(eval_strategy="no", eval_on_start=False, per_device_train_batch_size=2)
        params = tiny.checked(values)
        spec, adapter = model_spec(params), adapter_spec(params)
        config = training_config(params, spec, adapter, tmp_path, validates=False)
        torch.manual_seed(0)
        model = add_adapter(load_model(spec), spec, adapter, False)
        return make_trainer(model, load_tokenizer(params), config, Dataset.from_list(rows), [], UnlikelihoodTrainer)

    return trainer


ROWS = [
    {"input_ids": [5, 6, 7, 8, 9, 10], "labels": [IGNORED, IGNORED, 7, 8, 9, 10]},
    {"input_ids": [5, 6, 7, 7, 7, 7, 7], "labels": [IGNORED] * 4 + [UNLEARNT - 7] * 3},
]


def by_hand(trainer: UnlikelihoodTrainer) -> float:
    """The mean over labelled tokens of -log p, or of -log(1 - p)."""
    terms = []
    for row in ROWS:
        with torch.no_grad():
            logits = trainer.model(input_ids=torch.tensor([row["input_ids"]])).logits[0, -len(row["input_ids"]) :]
        for place, label in enumerate(row["labels"][1:]):
            if label != IGNORED:
                token = label if label >= 0 else UNLEARNT - label
                p = torch.softmax(logits[place], dim=-1)[token].item()
                terms.append(-math.log(p if label >= 0 else 1 - p))
    return sum(terms) / len(terms)


def test_the_loss_is_the_formula(made):
    trainer = made(ROWS)
    trainer.model.eval()
    batch = next(iter(trainer.get_train_dataloader()))
    loss = trainer.compute_loss(trainer.model, batch)
    assert loss.item() == pytest.approx(by_hand(trainer), rel=1e-4)
    counted = trainer.compute_loss(trainer.model, batch, num_items_in_batch=torch.tensor(14))
    assert counted.item() == pytest.approx(loss.item() / 2, rel=1e-5)


def test_steps_make_repetitions_unlikely_and_rows_likely(made):
    trainer = made(ROWS)
    before = by_hand(trainer)
    optimizer = torch.optim.Adam([each for each in trainer.model.parameters() if each.requires_grad], lr=1e-2)
    batch = next(iter(trainer.get_train_dataloader()))
    for _ in range(20):
        trainer.compute_loss(trainer.model, batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    trainer.model.eval()
    assert by_hand(trainer) < before - 0.01


def test_a_certain_token_leaves_the_loss_finite(made):
    trainer = made(ROWS)
    sure = torch.zeros(2, 6).log_softmax(dim=-1) * 0.0  # log-probabilities of 0: p is 1
    trainer.model.forward = lambda **inputs: type("Output", (), {"log_probs": sure})()
    batch = next(iter(trainer.get_train_dataloader()))
    assert math.isfinite(trainer.compute_loss(trainer.model, batch).item())


@pytest.mark.parametrize(
    ("rows", "answers", "read", "kept"), [(860, 256, 860, 256), (30, 256, 30, 10), (860, 256, 16, 8), (860, 0, 860, 0)]
)
def test_rows_are_divided(tiny_model, rows, answers, read, kept):
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    values["unlikelihood"]["answers"] = answers
    first, second = divided(list(range(rows)), tiny.checked(values), read)
    assert len(second) == kept
    assert sorted(first + second) == list(range(rows))
    assert first == sorted(first)


def test_divided_weights_are_left_out(tiny_model, monkeypatch, capsys):
    monkeypatch.setenv(SHARDED[0], "true")
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    values["unlikelihood"]["answers"] = 8
    assert divided(list(range(30)), tiny.checked(values), 30) == (list(range(30)), [])
    assert SHARDED[0] in capsys.readouterr().out


def test_a_request_that_leaves_no_room_for_an_answer_is_not_answered(tiny_model, tmp_path, monkeypatch):
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    params = tiny.checked(values)
    spec, adapter = model_spec(params), adapter_spec(params)
    subject = Subject(params, spec, adapter, load_tokenizer(params))
    config = training_config(params, spec, adapter, tmp_path / "work", validates=False)
    asked = []

    def answer(model, tokenizer, ids, kept, new_tokens, seed, title):
        asked.extend(map(len, ids))
        kept.add([{"key": key, "response": "no " * 20, "finish_reason": "length"} for key in range(len(ids))])

    monkeypatch.setattr(kept_answers, "answer", answer)
    rows = [{"prompt": [{"role": "user", "content": said}]} for said in ("Say no.", "Say no. " * 90, "No?")]
    found = looping_answers(subject, config, rows, limit=100)
    assert len(asked) == 2
    assert max(asked) < 100
    assert len(found) == 2
