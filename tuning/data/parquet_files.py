"""Parquet files. A value may stand there once for millions of rows, so what rows take is counted before they are read.

Text is read for that as numbers into a dictionary, which takes no more room than the file says.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifeval.unpacking import LIMIT, UnpackingError, most_bytes, too_much
from tuning.core.errors import UserError, explained
from tuning.data.hub_datasets import parquet

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import FileMetaData

_REFERENCE = 8  # bytes, which each value takes at least
_BATCH = 1 << 16  # rows
_REPEATING = {"DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}  # encodings that write once what occurs often
_OPTIONS = {"arrow_extensions_enabled": False}  # text of such a type would not be read as a dictionary


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a local Parquet file with its place.

    Raises:
        UserError: it cannot be read, or its rows take far more than the file does.
    """
    import pyarrow
    from pyarrow import parquet as files

    try:
        held = files.read_metadata(path)
    except (pyarrow.ArrowException, OSError):
        yield from parquet(str(path))  # what is wrong with it is told when it is read
        return
    try:
        _check_size(path, held)
    except UnpackingError as error:
        raise UserError(str(error)) from None
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read as a data set: {explained(error)}") from error
    if held.num_rows:
        yield from parquet(str(path))


def _check_size(path: Path, held: "FileMetaData") -> None:
    most = most_bytes(path.stat().st_size)
    groups = [held.row_group(number) for number in range(held.num_row_groups)]
    widths = [max(_REFERENCE, held.schema.column(number).length) for number in range(held.num_columns)]
    size = sum(group.column(number).num_values * width for group in groups for number, width in enumerate(widths))
    if max(size, sum(group.total_byte_size for group in groups)) > most:
        raise too_much(path)
    for text in _texts(path, held, most):
        size += _bytes(text)
        if size > most:
            raise too_much(path)


def _texts(path: Path, held: "FileMetaData", most: int) -> Iterator["pyarrow.Array"]:
    """The values of each column of text, in parts that fit into memory."""
    import pyarrow
    from pyarrow import parquet as files

    texts = [n for n in range(held.num_columns) if held.schema.column(n).physical_type == "BYTE_ARRAY"]
    with files.ParquetFile(path, read_dictionary=texts, **_OPTIONS) as file:
        for number in texts:
            for group in range(held.num_row_groups):
                try:
                    table = file.reader.read_row_group(group, column_indices=[number])
                except (pyarrow.ArrowException, OSError) as error:  # such as that DELTA encodings have no dictionary
                    yield from _plain(path, held, group, number, most, error)
                else:
                    yield from table.column(0).chunks


def _plain(
    path: Path, held: "FileMetaData", group: int, number: int, most: int, problem: Exception
) -> Iterator["pyarrow.Array"]:
    """The values of a column that cannot be read as a dictionary, of so few rows at a time that they take no more."""
    from pyarrow import parquet as files

    chunk, column = held.row_group(group).column(number), held.schema.column(number)
    longest = max(1, chunk.total_uncompressed_size)  # no value is longer
    if column.max_repetition_level and _REPEATING & {*chunk.encodings} and chunk.num_values * longest > most:
        raise UnpackingError(
            f"{path}: the lists in {column.path} may unpack to far more than the file ({problem}): write them without "
            f"DELTA_BYTE_ARRAY, or set the environment variable {LIMIT} to a higher number of MiB"
        )
    with files.ParquetFile(path, **_OPTIONS) as file:
        batch = min(_BATCH, max(1, most // longest))
        for part in file.reader.iter_batches(batch, row_groups=[group], column_indices=[number]):
            yield part.column(0)


def _bytes(values: "pyarrow.Array") -> int:
    """How much the values of one column take, a value as often as it occurs."""
    from pyarrow import compute, types

    while types.is_nested(values.type):
        inner = values.flatten()
        values = inner[0] if isinstance(inner, list) else inner
    if not types.is_dictionary(values.type):
        return values.nbytes
    return compute.sum(compute.binary_length(values.dictionary).take(values.indices)).as_py() or 0
