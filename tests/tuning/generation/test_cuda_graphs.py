"""When a decoding step is recorded, replayed, or left as it is; with graphs that need no GPU."""

import gc
import weakref
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch

from tuning.generation.continuous import batching, cuda_graphs
from tuning.generation.continuous.batching import Batch
from tuning.generation.continuous.cuda_graphs import RecordedStep

ROWS = 4


class Device:
    """Stands for torch.cuda: computes what is recorded at once, and again when it is replayed.

    Attributes:
        computed: the length of each step that was not replayed.
        replayed: that of each that was.
        failure: what recording raises.
        pools: those that graphs were recorded in.
    """

    def __init__(self):
        self.computed, self.replayed, self.pools = [], [], []
        self.failure, self.recording = None, None

    def compute(self, ids, positions, length):
        self.computed.append(length)
        if self.recording:
            self.recording.length = length
        return self.logits(ids, positions, length)

    def logits(self, ids, positions, length):
        return torch.stack([ids, positions, torch.full_like(ids, length)], dim=1).float()

    def new_graph(self):
        return SimpleNamespace(replay=lambda: None, pool=lambda: "a pool", length=None)

    @contextmanager
    def graph(self, graph, pool):
        if self.failure:
            raise self.failure
        self.pools.append(pool)
        self.recording = graph
        yield
        self.recording = None
        graph.replay = lambda: self.replay(graph.length)

    def replay(self, length):
        self.replayed.append(length)
        self.step.logits.copy_(self.logits(self.step.ids, self.step.positions, length))


@pytest.fixture
def device(monkeypatch):
    found = Device()
    stream = SimpleNamespace(wait_stream=lambda other: None)
    fake = {"current_stream": lambda: stream, "Stream": lambda: stream, "stream": lambda _: nullcontext()}
    fake |= {"CUDAGraph": found.new_graph, "graph": found.graph}
    for name, value in fake.items():
        monkeypatch.setattr(cuda_graphs.torch.cuda, name, value)
    found.step = RecordedStep(found.compute, ROWS, torch.device("cpu"))
    return found


def asked(device, number, length):
    """The logits of a step; and what they must be."""
    ids, positions = torch.arange(ROWS) + number, torch.arange(ROWS) + 10 * number
    found = device.step(ids, positions, length)
    assert torch.equal(found, device.logits(ids, positions, length))
    return found


def test_a_length_is_recorded_when_it_comes_again_and_replayed_from_then_on(device):
    asked(device, 1, 64)
    assert (device.computed, device.replayed) == ([64], [])
    asked(device, 2, 64)
    assert (device.computed, device.replayed) == ([64, 64, 64], [64])  # to warm up, and recorded
    asked(device, 3, 64)
    asked(device, 4, 64)
    assert (device.computed, device.replayed) == ([64, 64, 64], [64, 64, 64])
    asked(device, 5, 128)
    assert device.computed == [64, 64, 64, 128]


def test_all_lengths_write_into_one_tensor_and_share_memory(device):
    found = [asked(device, number, length) for number, length in enumerate([64, 64, 128, 128, 64])]
    assert {each.data_ptr() for each in (found[1], found[3], found[4])} == {device.step.logits.data_ptr()}
    assert device.pools == [None, "a pool"]


def test_what_cannot_be_recorded_is_computed_and_not_tried_again(device):
    device.failure = RuntimeError("operation not permitted when stream is capturing")
    for number, length in enumerate([64, 64, 64, 128, 128]):
        asked(device, number, length)
    assert device.replayed == []
    assert device.computed == [64, 64, 64, 64, 128, 128]  # once more for the warm-up
    assert not device.step.records


def test_memory_that_runs_out_is_not_hidden(device):
    asked(device, 1, 64)
    device.failure = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        asked(device, 2, 64)
    assert device.step.records


def test_models_on_a_cpu_are_not_recorded(model):
    assert not cuda_graphs.can_record(model)
    assert Batch(model, 8, 32).recorded is None


def test_a_batch_and_its_cache_go_as_soon_as_nobody_holds_it(model, monkeypatch):
    """A second batch, or a second model, may need their memory."""
    monkeypatch.setattr(batching, "can_record", lambda model: True)
    batch = Batch(model, 8, 32)
    assert batch.recorded is not None
    gone = weakref.ref(batch)
    gc.disable()
    try:
        del batch
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("kind", "written", "waiting", "room"),
    [
        ("cpu", 0, 3, 3),
        ("cpu", 63, 9, 1),
        ("cpu", 64, 9, 0),
        ("cuda", 0, 3, 3),
        ("cuda", 57, 9, 0),  # 7 are free, and an eighth of 64 is 8
        ("cuda", 56, 9, 8),
        ("cuda", 62, 2, 2),  # no more will wait
        ("cuda", 63, 2, 0),
    ],
)
def test_on_a_gpu_prompts_are_read_once_enough_of_the_batch_is_free(model, kind, written, waiting, room):
    batch = Batch(model, 64, 32)
    batch.kind, batch.sequences = kind, list(range(written))
    assert batch.room(waiting) == room
