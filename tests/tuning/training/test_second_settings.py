"""The second training has the course of the first: its rates, its steps, and nothing that would disturb it."""

import pytest
import torch

from tests import tiny
from tuning.model.adapters import adapter_spec
from tuning.model.model_spec import model_spec
from tuning.training.first_training import First
from tuning.training.second_settings import of_length, second
from tuning.training.trainer import training_config


@pytest.fixture
def follow(tiny_model, tmp_path):
    """A function: the configurations of both trainings, the second of a tenth of a hundred steps."""

    def configs(**changes):
        values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
        values["train"].update({"learning_rate": 1e-3, "eval_strategy": "epoch"} | changes)
        params = tiny.checked(values)
        spec, adapter = model_spec(params), adapter_spec(params)
        config = training_config(params, spec, adapter, tmp_path)
        first = First(tmp_path / "weights", {"steps": 100}, {}, [], (2, 1))
        return config, of_length(second(config, first, "auto"), 100, 10)

    return configs


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("polynomial", {"lr_end": 9e-4}),
        ("cosine_with_min_lr", {"min_lr": 9e-4}),
        ("warmup_stable_decay", {"num_decay_steps": 60, "num_stable_steps": 20}),
        ("reduce_lr_on_plateau", {"min_lr": 1e-4}),
        ("cosine", {}),
    ],
)
@pytest.mark.parametrize("warmup", [20, 0.2])
def test_the_second_schedule_has_the_course_of_the_first(follow, kind, given, warmup):
    before = dict(given)
    both = follow(lr_scheduler_type=kind, lr_scheduler_kwargs=given, warmup_steps=warmup)
    if kind == "reduce_lr_on_plateau":
        assert [config.lr_scheduler_kwargs["min_lr"] for config in both] == pytest.approx([1e-4, 3e-5])
        assert both[1].metric_for_best_model == "loss"
        return
    rates = [course(config, count) for config, count in zip(both, (100, 10), strict=True)]
    assert rates[1] == pytest.approx([0.3 * rate for rate in rates[0][::10]])
    assert (both[0].lr_scheduler_kwargs or {}) == before


def course(config, steps: int) -> list[float]:
    """The rate before each step, and after the last."""
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
    warmup = config.get_warmup_steps(steps)
    schedule = get_scheduler(config.lr_scheduler_type, optimizer, warmup, steps, config.lr_scheduler_kwargs)
    found = schedule.get_last_lr()
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        found += schedule.get_last_lr()
    return found


def test_a_warmup_of_steps_does_not_become_a_share(follow):
    assert follow(warmup_steps=3)[1].warmup_steps == 1
    assert follow(warmup_steps=0)[1].warmup_steps == 0


def test_a_warmup_ends_before_the_second_training(follow):
    assert follow(warmup_steps=500)[1].warmup_steps == 9
    config, _ = follow(warmup_steps=0.05, lr_scheduler_type="polynomial", lr_scheduler_kwargs={"lr_end": 1e-6})
    assert course(of_length(config, 100, 1), 1) == pytest.approx([1e-3, 1e-6])


def test_the_second_training_neither_packs_nor_looks_for_the_best(follow):
    packed = {"packing": True, "padding_free": True, "eval_packing": True}
    best = {"metric_for_best_model": "entropy", "save_strategy": "best", "load_best_model_at_end": True}
    config, _ = follow(**best)
    for name, value in packed.items():  # params.yaml takes them with flash attention alone
        setattr(config, name, value)
    found = second(config, First(config.output_dir, {"steps": 100}, {}, [], (2, 1)), "auto")
    assert not any(getattr(found, name) for name in (*packed, "load_best_model_at_end", "metric_for_best_model"))
    assert found.save_strategy == "steps"
