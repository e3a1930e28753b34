"""What fits, and what to change where something does not."""

from tests.tuning.estimates import changed, estimator
from tuning.memory import remedies
from tuning.memory.estimator import Estimator


def test_the_largest_that_fits_fits_and_one_more_does_not(params):
    model = estimator(changed(params, "lora", gradient_checkpointing=False))
    room = model.training_by_law(37, 100).least
    rows = remedies.largest_batch(model, 100, room)
    assert rows >= 37
    assert model.training_by_law(rows, 100).least <= room < model.training_by_law(rows + 1, 100).least
    assert remedies.largest_batch(model, 100, 1000) == 0
    length = remedies.largest_length(model, 37, room)
    assert length >= 100
    assert model.training_by_law(37, length).least <= room < model.training_by_law(37, length + 1).least


def test_remedies_save_what_they_say(params):
    values = changed(params, "lora", gradient_checkpointing=False, per_device_train_batch_size=8)
    model = estimator(values)
    before = model.training(8, 64).least
    found = dict(remedies.remedies(model, 8, 64, before))
    assert list(found)[:2] == ["quantization.enabled=true", "train.gradient_checkpointing=true"]
    values["train"]["gradient_checkpointing"] = True
    after = estimator(values).training(8, 64).least
    assert found["train.gradient_checkpointing=true"] == before - after > 0


def test_the_remedy_is_the_first_that_suffices(params):
    model = estimator(changed(params, "lora", gradient_checkpointing=False, per_device_train_batch_size=8))
    before = model.training(8, 64).least
    found = list(remedies.remedies(model, 8, 64, before))
    greatest = max(saved for _, saved in found)
    first = next(each for each in found if each[1] == greatest)
    assert first != found[0]
    assert remedies.remedy(model, 8, 64, before, before - greatest) == first
    assert remedies.remedy(model, 8, 64, before, before - 1) == found[0]
    assert remedies.remedy(model, 8, 64, before, before - greatest - 1) == found[0]  # none suffices


def test_remedies_that_leave_as_many_short_rows_are_run_once(recurrent, monkeypatch):
    ran, training = [], Estimator.training
    monkeypatch.setattr(Estimator, "training", lambda *given: ran.append(given) or training(*given))
    found = dict(remedies.remedies(recurrent, 4, 16, 1 << 40))
    half = "train.per_device_train_batch_size=2 train.gradient_accumulation_steps=2"
    assert found[half] == found["train.max_length=8"]
    assert len(ran) == len(found) - 1
