"""Spares the training loop walks through all modules of the model.

A model with LoRA has thousands of modules, and transformers' loop goes through them several times at each step: to
switch training on, to count arithmetic that nothing here reads, and to forget gradients. docs/performance.md has what
that takes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trl import SFTTrainer


def spare(trainer: "SFTTrainer") -> None:
    """Leaves out of each step what has no effect; nothing that is computed changes."""
    trainer.floating_point_ops = lambda inputs: 0
    switch_once(trainer.model)


def switch_once(model) -> None:
    """Makes ``train`` and ``eval`` go through the modules only where they change something.

    The first call always does: PEFT's new model says that it trains while the one inside it does not.
    """
    switch, last = model.train, [None]

    def train(mode: bool = True):
        if last[0] is not mode:
            switch(mode)
            last[0] = mode
        return model

    model.train = train
