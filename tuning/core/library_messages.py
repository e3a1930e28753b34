"""Messages of other libraries that no user can act on, filtered one by one where they arise."""

import logging
import os
import warnings

# Warnings, by the beginning of their text, with the library that causes them.
_WARNINGS = (
    "`is_gradient_checkpointing` is deprecated",  # peft and trl, of transformers
    "`gradient_checkpointing` is deprecated",  # trl and this project: earlier versions know no other name
    "`gradient_checkpointing_enable` is deprecated",  # trl, of transformers
)
# Log records, by logger and the beginning of their text.
_RECORDS = {
    # On a CPU that multiplies 4-bit weights faster with a package that is not needed.
    "bitsandbytes.backends.cpu.ops": "Failed to load CPU gemm_4bit_forward",
}


def filter_messages() -> None:
    """To be called when a stage starts, before the libraries are imported."""
    for text in _WARNINGS:
        warnings.filterwarnings("ignore", message=text)
    for name, text in _RECORDS.items():
        logging.getLogger(name).addFilter(lambda record, text=text: not str(record.msg).startswith(text))
    # Bars for mapping a few hundred rows; those of downloads are huggingface_hub's.
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
