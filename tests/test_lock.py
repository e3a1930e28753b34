"""dvc.lock is of this code and these parameters, so that `dvc status` is clean after a clone and `dvc pull`."""

import pytest
import yaml
from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from tests.tiny import ROOT

CODE = ("ifeval", "stages", "tuning")
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


@pytest.fixture(scope="module")
def pipeline():
    """DVC's own view of the stages, by their names."""
    repo = Repo(str(ROOT))
    yield {stage.name: stage for stage in repo.index.stages}
    repo.close()


@pytest.mark.parametrize("name", STAGES)
def test_the_lock_is_of_this_code_and_these_parameters(pipeline, name):
    stale = {}
    for dep in pipeline[name].deps:
        if isinstance(dep, ParamsDependency) or dep.def_path.split("/")[0] in CODE:
            stale.update(dep.status())
    assert not stale, f"dvc.lock is older than {', '.join(map(str, stale))} of stage {name}: `dvc repro`, and commit it"


def test_the_lock_has_the_commands_and_the_outputs_of_dvc_yaml(pipeline):
    locked = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    for name, stage in pipeline.items():
        assert locked[name]["cmd"] == stage.cmd
        paths = {out["path"] for out in locked[name]["outs"]}
        assert paths == {out.def_path for out in stage.outs}, f"{name}: `dvc repro`, and commit dvc.lock"
