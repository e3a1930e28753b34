"""Steps that really run, to compare with estimates."""

from datasets import Dataset

from tests import loading
from tuning.memory.tensor_bytes import TensorBytes


def trained_peak(values, batch, length, tokenizer, folder):
    """Bytes of tensors at the greatest moment of two steps."""
    rows = [[5 + (number + place) % 90 for place in range(length - number % batch)] for number in range(2 * batch)]
    data = Dataset.from_list([{"input_ids": row, "labels": [-100] * 3 + row[3:]} for row in rows])
    trainer = loading.trainer(values, tokenizer, data, folder)
    with TensorBytes() as counter:
        counter.note_weights(trainer.model)
        trainer.train()
    return counter.peak
