"""Training curves for ``dvc plots``, written by DVCLive as training goes."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tuning.core.errors import UserError
from tuning.core.files import new_folder
from tuning.core.paths import CURVES
from tuning.model.processes import rank

# Only these logged values are results; the others (seconds, rates) are measurements.
_CURVES = {"loss": "train/loss", "learning_rate": "train/learning_rate", "eval_loss": "validation/loss"}


class Curves(TrainerCallback):
    """Logs loss, learning rate and validation loss by optimizer step; a resumed run logs its past again.

    Args:
        folder: the run's unfinished work; the curves grow in it, and the last run's are left alone until ``finish``.
        past: what the trainer of an earlier training noted, which comes first; this one's steps count on from it.
    """

    def __init__(self, folder: Path, past: Sequence[dict[str, Any]] = ()):
        self.folder, self.past = folder / "curves", past
        self.steps = max((entry["step"] for entry in past), default=0)
        self.live = None

    def on_train_begin(self, args, state, control, **kwargs):
        from dvclive import Live
        from scmrepo.exceptions import SCMError

        if rank() == 0:
            try:
                self.live = Live(str(self.folder), resume=False, report=None, save_dvc_exp=False, dvcyaml=None)
            except SCMError as error:
                raise UserError(
                    f"git: {error}; DVC's curves need a commit: run 'git add --all' and 'git commit'"
                ) from error
        for entry in self.past:
            self._log(entry["step"], entry)
        for entry in state.log_history:
            self._log(self.steps + entry["step"], entry)

    def on_log(self, args, state, control, logs=None, **kwargs):
        self._log(self.steps + state.global_step, logs or {})

    def finish(self) -> None:
        """Writes the last values and puts the curves in the place of the last run's; after the final evaluation."""
        if self.live is not None:
            self.live.make_summary()
            with new_folder(CURVES) as new:
                shutil.copytree(self.folder, new, dirs_exist_ok=True)

    def _log(self, step: int, logs: dict[str, float]) -> None:
        if self.live is None:
            return
        self.live.step = step
        for name, curve in _CURVES.items():  # in this order, since a checkpoint sorts the names
            if name in logs:
                self.live.log_metric(curve, logs[name])
