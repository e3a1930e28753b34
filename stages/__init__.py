"""The pipeline: prepare, train, generate, ifeval, resources; each runs as ``python -m stages.NAME``."""
