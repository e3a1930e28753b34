"""Ends training as soon as a loss or a gradient is not finite: no later step can bring it back."""

import math

from transformers import TrainerCallback

from tuning.core.errors import UserError

ADVICE = (
    "set a lower {key!r}, a longer 'train.warmup_steps', or a 'train.max_grad_norm' of 1.0 or less; "
    "with 'train.fp16' or 'model_config.dtype' float16, take bfloat16 or float32"
)
UNIFORM = "as if every token were as likely as any other"


class DivergenceCheck(TrainerCallback):
    """Looks at the loss and the gradients before each optimizer step, at each validation loss, and at the end.

    It is to be the first of the callbacks, so that no other writes down a value that is not finite.

    Args:
        trainer: to which this is added as a callback.
        key: of params.yaml, which sets its learning rate.

    Raises:
        UserError: from the trainer's ``train``; it names the step and the learning rate.
    """

    def __init__(self, trainer, key: str = "train.learning_rate"):
        self.trainer, self.key = trainer, key
        self.rate = trainer.args.learning_rate  # of the last step
        self.sum = 0.0  # of the losses since the last log, as far as they have been looked at

    def on_pre_optimizer_step(self, args, state, control, model=None, optimizer=None, **kwargs):
        import torch

        self.rate = optimizer.param_groups[0]["lr"]
        loss = self.trainer._tr_loss.item()  # the sum since the last log: finite as long as each loss is
        if not math.isfinite(loss):
            raise UserError(self._message(f"the training loss is {loss}", state.global_step + 1))
        if state.global_step > 0 and self._says_nothing(loss - self.sum):  # a new head may say nothing at first
            raise UserError(
                self._message(f"the training loss is {loss - self.sum:.5g}, {UNIFORM},", state.global_step + 1)
            )
        self.sum = loss
        if self.trainer.accelerator.scaler is not None:  # it finds the scale by gradients that are not finite
            return
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
        if not math.isfinite(norm):
            raise UserError(self._message(f"the gradient's norm is {norm}", state.global_step + 1))

    def on_train_end(self, args, state, control, model=None, **kwargs):
        """Where nothing is validated, no loss is seen after the last step: here it is, of one batch."""
        if self.trainer.eval_dataset is not None:
            return
        batch = next(iter(self.trainer.get_train_dataloader()))
        loss, _, _ = self.trainer.prediction_step(model, batch, prediction_loss_only=True)
        if not math.isfinite(loss.item()) or self._says_nothing(loss.item()):
            raise UserError(self._message(f"the training loss is {loss.item()} after the update", state.global_step))

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in (logs or {}):
            self.sum = 0.0
        loss = (logs or {}).get("eval_loss", 0.0)
        if state.global_step > 0 and self._says_nothing(loss):
            raise UserError(self._message(f"the validation loss is {loss:.5g}, {UNIFORM},", state.global_step))
        if math.isfinite(loss):
            return
        if state.global_step == 0:
            raise UserError(
                f"train: before the first step the validation loss is {loss}, so it is the model that computes no "
                "numbers: try 'model_config.dtype' float32, or another model"
            )
        raise UserError(self._message(f"the validation loss is {loss}", state.global_step))

    def _says_nothing(self, loss: float) -> bool:
        """Whether the loss is that of a model for which every token is as likely as any other, to five digits.

        In bfloat16 a layer's numbers can be finite and their squares, in its norm, not: then it passes on zeros.
        """
        tokens = getattr(self.trainer.model.config.get_text_config(), "vocab_size", 0)
        return tokens > 1 and math.isclose(loss, math.log(tokens), abs_tol=1e-5)

    def _message(self, what: str, step: int) -> str:
        advice = ADVICE.format(key=self.key)
        return f"train: {what} at step {step}, with learning rate {self.rate:.3g}, so nothing was learnt: {advice}"
