"""LoRA reads its inputs uncast while training runs, and only then: what answers afterwards answers outside autocast."""

from transformers import TrainerCallback

from tuning.model.adapted_layers import cast_inputs


class UncastInputs(TrainerCallback):
    """For steps in mixed precision; see ``tuning.model.adapted_layers.cast_inputs``."""

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        cast_inputs(model, False)

    def on_train_end(self, args, state, control, model=None, **kwargs):
        cast_inputs(model, True)
