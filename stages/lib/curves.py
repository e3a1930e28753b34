"""Training curves for ``dvc plots``, written by DVCLive as training goes."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from stages.lib.launch import rank

FOLDER = Path("metrics/curves")

# What the trainer logs under these names is a result; the rest (seconds, rates) is measurement.
_CURVES = {"loss": "train/loss", "learning_rate": "train/learning_rate", "eval_loss": "validation/loss"}


class Curves(TrainerCallback):
    """Logs loss, learning rate and validation loss by optimizer step; a resumed run logs its past again.

    Attributes:
        steps, tokens: of all shares of the rows that are finished, after which the next one's are counted.
    """

    live = None
    steps = tokens = 0

    def on_train_begin(self, args, state, control, **kwargs):
        self.replay(state.log_history)

    def on_log(self, args, state, control, logs=None, **kwargs):
        self._log(state.global_step, logs or {})

    def replay(self, history: list[dict[str, Any]]) -> None:
        """Logs what an earlier process has logged; entries as in the trainer's state."""
        from dvclive import Live

        if self.live is None and rank() == 0:
            self.live = Live(str(FOLDER), resume=False, report=None, save_dvc_exp=False, dvcyaml=None)
        for entry in history:
            self._log(entry["step"], entry)

    def finish_share(self, result: dict[str, Any]) -> None:
        """Goes on after a share; ``result`` is what is told of its training."""
        self.steps += result["steps"]
        self.tokens += result["tokens"]

    def finish(self) -> None:
        """Writes the last values; called once the final evaluation is logged."""
        if self.live is not None:
            self.live.make_summary()

    def _log(self, step: int, logs: dict[str, float]) -> None:
        if self.live is None:
            return
        self.live.step = self.steps + step
        for name, value in logs.items():
            if name in _CURVES:
                self.live.log_metric(_CURVES[name], value)
