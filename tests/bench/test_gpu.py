"""bench/gpu.sh is rehearsed to its last line on a CPU."""

import json
import os
import subprocess
import sys

import pytest

from bench.gpu import table
from bench.gpu.__main__ import PARTS
from bench.gpu.pipeline import STAGES
from tests.tiny import ROOT

pytestmark = pytest.mark.slow
HANGS = 3600  # seconds; however slow the machine


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """The folder of the results, and what the command printed."""
    folder = tmp_path_factory.mktemp("gpu")
    environment = {**os.environ, "OUT": str(folder), "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""}
    environment["LIMIT"] = str(HANGS - 60)
    output = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["bash", "bench/gpu.sh", "--tiny"], cwd=ROOT, env=environment, timeout=HANGS, **output)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder, done.stdout


def results(rehearsal, part: str) -> list[dict]:
    return json.loads((rehearsal[0] / f"{part}.json").read_text())


def test_every_part_leaves_its_file_and_the_table_shows_all(rehearsal):
    folder, said = rehearsal
    shown = (folder / "table.md").read_text()
    assert {path.stem for path in folder.glob("*.json")} == set(PARTS) == set(table.TITLES)
    assert all(f"# {title}" in shown for title in table.TITLES.values())
    assert shown in said + "\n"
    assert "a rehearsal" in shown


def test_the_memory_of_every_case_is_measured_and_near_the_estimate(rehearsal):
    found = results(rehearsal, "memory")
    assert not [row for row in found if "skipped" in row]
    for row in found:  # in so small models, little tensors count
        assert row["estimated"] == pytest.approx(row["measured"], rel=0.35), row["case"]
    said = " ".join(row["case"] for row in found)
    assert all(
        word in said
        for word in ("LoRA, 4 x", "4 bits", "8 bits", "prompt tuning", "full", "checkpointing", "new", "x 2048", "16 x")
    )


def test_training_and_generation_are_compared_with_the_libraries(rehearsal):
    training = {row["way"]: row for row in results(rehearsal, "training")}
    assert training["this project, auto"]["tokens_per_second"] > 0
    assert training["TRL, its defaults"]["tokens_per_second"] > 0
    assert training["this project, auto"]["share_of_matrix_product_rate"] > 0  # timed, so that load can lift it above 1
    equal, *speeds = results(rehearsal, "generation")
    assert equal["equal_texts"] == equal["prompts"] > 1
    assert equal["different_texts"] > 1
    assert {row["way"] for row in speeds if row.get("tokens_per_second")} >= {"engine", "generate"}


def test_checks_of_correctness_pass_where_the_device_is_the_cpu(rehearsal):
    found = {row["check"]: row for row in results(rehearsal, "correctness")}
    assert all(row["passed"] for row in found.values()), found
    assert found["resume after SIGKILL"]["resumed_from_step"] == 4
    assert found["device against CPU"]["largest_difference_of_losses"] < 1e-6


def test_sharding_starts_saves_and_says_what_is_missing(rehearsal):
    found = {row["config"]: row for row in results(rehearsal, "sharding")}
    assert found["fsdp"]["same_matrices"]
    assert found["fsdp"]["largest_difference"] < 0.1  # fsdp.yaml computes in bfloat16
    assert found["zero3"].get("skipped") == "deepspeed is not installed" or found["zero3"]["same_matrices"]


def test_the_stages_run_in_their_order_and_a_killed_second_training_is_resumed(rehearsal):
    found = {row["stage"]: row for row in results(rehearsal, "pipeline")}
    assert not [row for row in found.values() if "failed" in row]
    assert set(STAGES) | {"baseline, 4 bits", "baseline, 8 bits"} <= set(found)
    assert found["train"]["looping"] > 0
    assert found["train, killed in its second training"]["same_bytes"]
    assert abs(found["resources"]["error"]) < 0.35
