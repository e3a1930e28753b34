"""Fine-tunes an adapter, or the whole model, on the prepared rows with TRL's SFTTrainer."""

from functools import partial
from pathlib import Path

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.allocator import give_back_freed_memory, keep_freed_memory
from tuning.core.command import run, without_arguments
from tuning.core.errors import doing
from tuning.core.files import check_outputs, new_folder, read_jsonl, write_json
from tuning.core.paths import CURVES
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.memory.preflight import batch_size, check_device, plan_training, steps
from tuning.memory.run import Run
from tuning.model.adapters import ADAPTER, adapter_spec, save_adapter
from tuning.model.chat_template import load_tokenizer
from tuning.model.commits import pinned, revisions
from tuning.model.model_spec import check_positions, check_tokens, model_spec
from tuning.model.processes import launched, same_everywhere

TRAIN, VALIDATION = Path("data/prepared/train.jsonl"), Path("data/prepared/validation.jsonl")
METRICS, MEASURED = Path("metrics/train.json"), Path("metrics/measured/train.json")


def main() -> None:
    params = pinned(read_params())
    if launched(params.launch, "stages.train"):
        return
    from tuning.training import checkpoints, first_training, out_of_memory, settings, trainer, unlikelihood
    from tuning.training.fitting import Rows, Subject, fit
    from tuning.training.refused_values import check_values

    check_device(params.train.arguments)
    check_outputs(files=[METRICS, MEASURED], folders=[ADAPTER, CURVES])
    rows, held_out = read_jsonl(TRAIN), read_jsonl(VALIDATION)
    tokenizer = load_tokenizer(params)
    spec, adapter = model_spec(params), adapter_spec(params)
    folder = unfinished_work("train", declared("train", checkpoints.WITHOUT), revisions(params), TRAIN, VALIDATION)
    config = trainer.training_config(params, spec, adapter, folder, validates=bool(held_out))
    rows, kept_back = unlikelihood.divided(rows, params, steps(config, len(rows)) * batch_size(config))
    encode = partial(trainer.encode, tokenizer=tokenizer, limit=config.max_length)
    with doing("turning the prepared rows into tokens"):
        train, second = (encode(part, whole=config.completion_only_loss is False) for part in (rows, kept_back))
        validation = encode(held_out)
    check_values(config, adapter, tokenizer, steps(config, len(train)))
    ids = [ids for part in (train, second, validation) if len(part) for ids in part["input_ids"]]
    check_tokens(spec, tokenizer, ids)
    check_positions(spec, ids, config.max_length, adapter.virtual_tokens)
    lengths = [len(ids) for part in (train, second) if len(part) for ids in part["input_ids"]]
    automatic = settings.automatic(params.train)
    plan = plan_training(Run(spec, adapter, config), lengths, automatic, params.resources.strict)
    config = plan.run.with_training(**same_everywhere(settings.of_device(plan.run.training, automatic))).training
    if keeps := plan.leaves_room():
        keep_freed_memory()
    else:
        give_back_freed_memory()

    subject = Subject(params, spec, adapter, tokenizer)
    first = first_training.read(folder)
    if first is None:
        fitted = fit(subject, config, Rows(train, validation))
        result, measured = trainer.metrics(fitted.trainer, lengths), fitted.measured
        if kept_back:
            with doing("keeping the first of two trainings; it can go on from its last checkpoint"):
                first_training.write(folder, fitted, result)
            del fitted
            out_of_memory.free()
            first = first_training.read(folder)
    if first is not None:
        fitted, result, measured = unlikelihood.unlearn(subject, config, first, kept_back, Rows(second, validation))
    weights = trainer.gathered(fitted.trainer)
    if not fitted.trainer.is_world_process_zero():
        return
    with doing(f"saving {ADAPTER}; train can go on from its last checkpoint"), new_folder(ADAPTER) as new:
        save_adapter(fitted.trainer.accelerator.unwrap_model(fitted.trainer.model), new, spec, adapter, weights)
        tokenizer.save_pretrained(new)
    fitted.curves.finish()
    of_device = settings.of_device(fitted.config, automatic)
    write_json(METRICS, {**result, "auto": settings.of_model(config, automatic)})
    write_json(MEASURED, {**measured, "keeps_freed_memory": keeps, "auto": of_device})
    remove(folder)


if __name__ == "__main__":
    run(without_arguments(main), lock="train")
