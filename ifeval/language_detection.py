"""langdetect made deterministic: seeded, its profiles read in a fixed order, safe among threads."""

import functools
import threading
from pathlib import Path

SEED = 0
_lock = threading.Lock()


def detect(text: str) -> "str | None":
    """The language code that langdetect gives the text.

    Returns:
        a code such as ``en`` or ``zh-cn``; ``unknown`` where no language is likely enough; None where
        the text has no feature to detect a language by (only digits, signs or emoji, or only URLs).

    Every call starts from the same seed, so that neither order nor thread changes an answer.
    """
    from langdetect.lang_detect_exception import ErrorCode, LangDetectException

    detector = _factory().create()
    detector.append(text)
    try:
        return detector.detect()
    except LangDetectException as error:
        if error.code != ErrorCode.CantDetectError:
            raise
        return None


def languages() -> tuple[str, ...]:
    """The codes that langdetect can answer, sorted."""
    return tuple(sorted(path.name for path in _profiles()))


def _factory():
    with _lock:  # a half-filled factory would answer wrongly
        return _load()


@functools.cache
def _load():
    from langdetect.detector_factory import DetectorFactory

    factory = DetectorFactory()
    factory.set_seed(SEED)
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in sorted(_profiles())])
    return factory


@functools.cache
def _profiles() -> list[Path]:
    import importlib.util

    package = importlib.util.find_spec("langdetect")
    if package is None:
        raise ModuleNotFoundError("the package 'langdetect' is not installed: pip install langdetect==1.0.9")
    folder = Path(package.submodule_search_locations[0]) / "profiles"
    return [path for path in folder.iterdir() if not path.name.startswith(".")]
