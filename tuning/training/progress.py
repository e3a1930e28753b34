"""One progress bar for training, with the last losses beside it."""

from transformers import ProgressCallback

_SHOWN = {"loss": "loss", "eval_loss": "validation"}


class Progress(ProgressCallback):
    """The trainer's own bar, but losses stand in it instead of being printed, and validation has no bar of its own."""

    def on_train_begin(self, args, state, control, **kwargs):
        super().on_train_begin(args, state, control, **kwargs)
        self.losses: dict[str, str] = {}
        if self.training_bar is not None:
            self.training_bar.set_description("train")

    def on_prediction_step(self, args, state, control, **kwargs):
        pass

    def on_log(self, args, state, control, logs=None, **kwargs):
        if self.training_bar is not None:
            self.losses |= {_SHOWN[name]: f"{value:.3f}" for name, value in (logs or {}).items() if name in _SHOWN}
            self.training_bar.set_postfix(self.losses)


def show_progress(trainer) -> None:
    """Puts the bar in the place of the trainer's own callback, if the trainer shows progress at all."""
    if any(isinstance(callback, ProgressCallback) for callback in trainer.callback_handler.callbacks):
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(Progress())
