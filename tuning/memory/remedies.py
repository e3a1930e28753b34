"""What fits a device, and what to change when a run does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tuning.memory.estimator import Estimator
from tuning.model.adapters import AdapterSpec

GIB = 2**30
SIZES = (8, 16, 24, 40, 80)  # GiB of common GPUs
# Of a GPU's memory: what the CUDA context and its libraries take, and what fragmentation leaves unusable.
CONTEXT, USABLE = 0.6 * GIB, 0.95
MOST_ROWS, MOST_TOKENS = 1 << 12, 1 << 20


def usable(size: float) -> float:
    """Bytes that tensors can have on a GPU of so many."""
    return USABLE * (size - CONTEXT)


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number up to ``most`` that fits, or 0; whatever is below a number that fits must fit too."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def largest_batch(model: Estimator, length: int, size: float) -> int:
    """Rows of ``length`` tokens to a forward pass of training that fit in so many bytes."""
    return largest(lambda rows: model.training_by_law(rows, length).least <= size, MOST_ROWS)


def largest_length(model: Estimator, batch: int, size: float) -> int:
    """Tokens of a row that fit in so many bytes; no more than the model can read."""
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None) or MOST_TOKENS
    return largest(lambda tokens: tokens < 2 or model.training_by_law(batch, tokens).least <= size, most)


@dataclass(frozen=True)
class Change:
    """A change with which training needs less memory.

    Attributes:
        text: as ``dvc exp run -S`` takes it.
        model, batch, length: with it.
    """

    text: str
    model: Estimator
    batch: int
    length: int

    def least(self) -> int:
        """Bytes that training needs with it."""
        return self.model.training(self.batch, self.length).least

    @property
    def same(self) -> tuple[int, ...]:
        """The values on which the need of training depends; remedies that agree in them save the same."""
        tokens = (self.batch * self.length,) if self.model.folds else (self.batch, self.length)
        return id(self.model), *tokens


def remedies(model: Estimator, batch: int, length: int, before: int) -> Iterator[tuple[str, int]]:
    """The remedies with the bytes that each saves alone; the one that costs the result least comes first.

    Args:
        before: bytes that training needs, at the least, with so many rows and tokens.
    """
    least: dict[tuple[int, ...], int] = {}
    for change in changes(model, batch, length):
        if change.same not in least:
            least[change.same] = change.least()
        if least[change.same] < before:
            yield change.text, before - least[change.same]


def remedy(model: Estimator, batch: int, length: int, before: int, size: int) -> tuple[str, int] | None:
    """The first remedy that alone makes training fit in so many bytes; if none does, the first of all."""
    found = []
    for text, saved in remedies(model, batch, length, before):
        if before - saved <= size:
            return text, saved
        found.append((text, saved))
    return next(iter(found), None)


def changes(model: Estimator, batch: int, length: int) -> list[Change]:
    """What can be changed in training with so many rows and tokens, what costs the result least first."""
    from peft import LoraConfig

    run, found = model.run, []
    lora = run.adapter.lora
    if run.adapter.whole:
        new = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear")
        adapted = replace(run, adapter=AdapterSpec(new, None))
        found.append(("lora.enabled=true full_finetuning=false", Estimator(adapted), batch, length))
    elif not run.model.quantized:
        four = replace(run, model=replace(run.model, quantized=True))
        found.append(("quantization.enabled=true", Estimator(four), batch, length))
    if not run.checkpointing:
        checkpointing = Estimator(run.with_training(gradient_checkpointing=True))
        checkpointing.trained = model.trained  # which it does not change
        found.append(("train.gradient_checkpointing=true", checkpointing, batch, length))
    if batch > 1:
        half, steps = batch // 2, 2 * run.training.gradient_accumulation_steps
        text = f"train.per_device_train_batch_size={half} train.gradient_accumulation_steps={steps}"
        found.append((text, model, half, length))
    found.append((f"train.max_length={length // 2}", model, batch, length // 2))
    if lora is not None and lora.r > 4:
        found.append((f"lora.r={lora.r // 2}", Estimator(run.with_rank(lora.r // 2)), batch, length))
    return [Change(*parts) for parts in found]
