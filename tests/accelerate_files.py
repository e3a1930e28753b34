"""What the files in configs/accelerate become: the environment that ``accelerate launch`` gives to each process."""

from tests.tiny import ROOT

FOLDER = ROOT / "configs/accelerate"


def environment(name: str, *options: str) -> dict[str, str]:
    """The variables by which the processes learn what the file says, as ``accelerate launch`` sets them.

    Args:
        options: further ones of the command.
    """
    from accelerate.commands import launch
    from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

    given = ["--config_file", str(FOLDER / f"{name}.yaml"), "--main_process_port", "0", *options, "-m", "stages.train"]
    arguments, defaults, from_file = launch._validate_launch_command(launch.launch_command_parser().parse_args(given))
    if not arguments.use_deepspeed:
        return prepare_multi_gpu_env(arguments)
    fields = [*defaults.deepspeed_config, *["mixed_precision"] * from_file]
    arguments.deepspeed_fields_from_accelerate_config = ",".join(fields)
    return prepare_deepspeed_cmd_env(arguments)[1]
