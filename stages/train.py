"""Fine-tunes an adapter, or the whole model, on the prepared rows with TRL's SFTTrainer."""

from pathlib import Path

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.allocator import give_back_freed_memory, keep_freed_memory
from tuning.core.command import run
from tuning.core.errors import doing
from tuning.core.files import check_outputs, new_folder, read_jsonl, write_json
from tuning.core.measurement import Measurement
from tuning.core.paths import CURVES
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.memory.preflight import check_device, plan_training, steps
from tuning.memory.run import Run
from tuning.model.adapters import ADAPTER, adapter_spec, add_adapter, save_adapter
from tuning.model.base_model import load_model
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
    from transformers import set_seed

    from tuning.training import checkpoints, out_of_memory, settings, trainer
    from tuning.training.curves import Curves
    from tuning.training.divergence import DivergenceCheck
    from tuning.training.refused_values import check_values

    check_device(params.train.arguments)
    check_outputs(files=[METRICS, MEASURED], folders=[ADAPTER, CURVES])
    rows, held_out = read_jsonl(TRAIN), read_jsonl(VALIDATION)
    tokenizer = load_tokenizer(params)
    spec, adapter = model_spec(params), adapter_spec(params)
    folder = unfinished_work("train", declared("train", checkpoints.WITHOUT), revisions(params), TRAIN, VALIDATION)
    config = trainer.training_config(params, spec, adapter, folder, validates=bool(held_out))
    with doing("turning the prepared rows into tokens"):
        train = trainer.encode(rows, tokenizer, config.max_length, whole=config.completion_only_loss is False)
        validation = trainer.encode(held_out, tokenizer, config.max_length)
    check_values(config, adapter, tokenizer, steps(config, len(train)))
    ids = [ids for rows in (train, validation) if len(rows) for ids in rows["input_ids"]]
    check_tokens(spec, tokenizer, ids)
    check_positions(spec, ids, config.max_length, adapter.virtual_tokens)
    lengths = [len(ids) for ids in train["input_ids"]]
    automatic = settings.automatic(params.train)
    plan = plan_training(Run(spec, adapter, config), lengths, automatic, params.resources.strict)
    config = plan.run.with_training(**same_everywhere(settings.of_device(plan.run.training, automatic))).training
    if keeps := plan.leaves_room():
        keep_freed_memory()
    else:
        give_back_freed_memory()

    while True:
        set_seed(params.seed)  # set after the preflight, so that its random draws cannot change training
        with doing(f"loading {params.model}"):
            model = add_adapter(load_model(spec), spec, adapter, config.gradient_checkpointing)
        checkpoint = checkpoints.latest(folder)
        seen = checkpoints.tokens_seen(checkpoint)  # read now: training deletes old checkpoints
        sft, curves = trainer.make_trainer(model, tokenizer, config, train, validation), Curves(folder)
        for callback in (DivergenceCheck(sft), curves, checkpoints.Checkpoints(sft, checkpoint)):
            sft.add_callback(callback)

        measurement = Measurement()
        with doing("training; it can go on from its last checkpoint"):
            try:
                sft.train(resume_from_checkpoint=checkpoint)
                break
            except RuntimeError as error:
                config = out_of_memory.smaller(config, error)
        del model, sft, curves, callback
        out_of_memory.free()
    measured = measurement.result(tokens=int(sft.state.num_input_tokens_seen) - seen)
    result, weights = trainer.metrics(sft, train["input_ids"]), trainer.gathered(sft)
    if not sft.is_world_process_zero():
        return
    with doing(f"saving {ADAPTER}; train can go on from its last checkpoint"), new_folder(ADAPTER) as new:
        save_adapter(sft.accelerator.unwrap_model(sft.model), new, spec, adapter, weights)
        tokenizer.save_pretrained(new)
    curves.finish()
    write_json(METRICS, {**result, "auto": settings.of_model(config, automatic)})
    write_json(MEASURED, {**measured, "keeps_freed_memory": keeps, "auto": settings.of_device(config, automatic)})
    remove(folder)


if __name__ == "__main__":
    run(main, lock="train")
