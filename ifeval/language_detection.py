"""langdetect's verdicts made deterministic, safe among threads, and several times faster.

langdetect draws random n-grams of a text until one language is almost certain, seven times over, and
averages (Nakatani Shuyo 2010, "Language Detection Library for Java", of which it is a port). Its own
data, cleaning and arithmetic are used, in its own order, so that the answer is the one langdetect gives
with this seed; three things are done at less cost: the n-grams of a word are found once, the
probabilities of all languages are multiplied at once, and no trial is run that cannot change the answer.
"""

import functools
import random
import re
import threading
from pathlib import Path

SEED = 0
UNKNOWN = "unknown"

_lock = threading.Lock()
_SPACES = re.compile(" {2,}")


def detect(text: str) -> "str | None":
    """The language code that langdetect gives the text.

    Returns:
        a code such as ``en`` or ``zh-cn``; ``unknown`` where no language is likely enough; None where
        the text has no feature to detect a language by (only digits, signs or emoji, or only URLs).

    Every call starts from the same seed, so that neither order nor thread changes an answer.
    """
    with _lock:  # a partly filled factory would give wrong answers
        profiles = _profiles()
    ngrams = profiles.ngrams(text)
    return profiles.likeliest(ngrams) if ngrams else None


def languages() -> tuple[str, ...]:
    """The codes that langdetect can answer, sorted."""
    return tuple(sorted(path.name for path in _files()))


class _Profiles:
    """langdetect's profiles of n-grams, read in a fixed order."""

    def __init__(self):
        import numpy
        from langdetect.detector_factory import DetectorFactory
        from langdetect.utils.ngram import NGram

        self.numpy = numpy
        self.factory = DetectorFactory()
        self.factory.set_seed(SEED)
        self.factory.load_json_profile([path.read_text(encoding="utf-8") for path in sorted(_files())])
        self.normalize = functools.lru_cache(maxsize=None)(NGram.normalize)
        self.normalize_vietnamese = NGram.normalize_vi
        self.of_word = functools.lru_cache(maxsize=50_000)(self._of_word)
        self.row = functools.lru_cache(maxsize=50_000)(self._row)

    def ngrams(self, text: str) -> list[str]:
        """The known n-grams of one to three characters, as often as they occur, in order."""
        detector = self.factory.create()
        text = detector.URL_RE.sub(" ", text)
        text = detector.MAIL_RE.sub(" ", text)
        text = self.normalize_vietnamese(text)
        detector.text = _SPACES.sub(" ", text[: detector.max_text_length])
        detector.cleaning_text()
        words = "".join(map(self.normalize, detector.text)).split(" ")
        found: list[str] = []
        for index, word in enumerate(words):
            if word:
                find = self.of_word if len(word) <= 32 else self._of_word
                found += find(word, index < len(words) - 1)
        return found

    def likeliest(self, ngrams: list[str]) -> str:
        """The language of the highest mean probability over the trials."""
        detector = self.factory.create()
        draw = random.Random(SEED)
        total = self.numpy.zeros(len(detector.langlist))
        for trial in range(1, detector.n_trial + 1):
            alpha = detector.alpha + draw.gauss(0.0, 1.0) * detector.ALPHA_WIDTH
            total += self._trial(detector, ngrams, draw, alpha / detector.BASE_FREQ) / detector.n_trial
            second, first = self.numpy.partition(total, -2)[-2:]
            left = (detector.n_trial - trial) / detector.n_trial
            if first - second > left + 1e-9 and first > detector.PROB_THRESHOLD:
                break
        best = int(total.argmax())
        return detector.langlist[best] if total[best] > detector.PROB_THRESHOLD else UNKNOWN

    def _trial(self, detector, ngrams: list[str], draw: random.Random, weight: float):
        """Probabilities of the languages after drawing n-grams until one is almost certain."""
        multiply, add = self.numpy.multiply, self.numpy.add
        count, bits, getrandbits = len(ngrams), len(ngrams).bit_length(), draw.getrandbits
        probabilities = self.numpy.full(len(detector.langlist), 1.0 / len(detector.langlist))
        likelihoods = self.numpy.empty_like(probabilities)
        for step in range(detector.ITERATION_LIMIT + 5):
            index = getrandbits(bits)  # this loop is random.choice without its overhead
            while index >= count:
                index = getrandbits(bits)
            add(self.row(ngrams[index]), weight, out=likelihoods)
            multiply(probabilities, likelihoods, out=probabilities)
            if step % 5 == 0:
                probabilities /= sum(probabilities.tolist())  # in langdetect's order of summation
                if probabilities.max() > detector.CONV_THRESHOLD or step >= detector.ITERATION_LIMIT:
                    break
        return probabilities

    def _of_word(self, word: str, closed: bool) -> tuple[str, ...]:
        """The known n-grams of a word and the space before it, and, if ``closed``, the space after it.

        Those that end within a run of capitals are left out, as langdetect does.
        """
        text = f" {word} " if closed else f" {word}"
        found = []
        capitals = False
        for end in range(1, len(text)):
            capitals = text[end].isupper() and (capitals or text[end - 1].isupper())
            if not capitals:
                candidates = [text[start : end + 1] for start in range(end, max(end - 3, -1), -1)]
                found += [ngram for ngram in candidates if ngram != " " and ngram in self.factory.word_lang_prob_map]
        return tuple(found)

    def _row(self, ngram: str):
        """The n-gram's frequency in each language."""
        return self.numpy.array(self.factory.word_lang_prob_map[ngram])


@functools.cache
def _profiles() -> _Profiles:
    return _Profiles()


@functools.cache
def _files() -> list[Path]:
    import importlib.util

    package = importlib.util.find_spec("langdetect")
    if package is None:
        raise ModuleNotFoundError("the package 'langdetect' is not installed: pip install langdetect==1.0.9")
    folder = Path(package.submodule_search_locations[0]) / "profiles"
    return [path for path in folder.iterdir() if not path.name.startswith(".")]
