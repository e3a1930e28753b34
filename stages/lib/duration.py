"""How long training will take, said after its first steps."""

import sys
import time

from transformers import TrainerCallback

STEPS = 5  # after which it is said


class Duration(TrainerCallback):
    """Prints the time that the whole run will take, once.

    Args:
        tokens: that the whole run reads.
    """

    def __init__(self, tokens: int):
        self.tokens = tokens

    def on_step_begin(self, args, state, control, **kwargs):
        if not hasattr(self, "started"):
            self.started, self.first, self.before = time.perf_counter(), state.global_step, _seen(state)

    def on_step_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero and state.global_step == self.first + STEPS:
            rate = (_seen(state) - self.before) / (time.perf_counter() - self.started)
            left = max(0, self.tokens - _seen(state)) / rate
            text = f"train: {rate:,.0f} tokens a second, about {left / 60:.0f} minutes to go"
            print(text, file=sys.stderr, flush=True)


def _seen(state) -> int:
    return int(state.num_input_tokens_seen)
