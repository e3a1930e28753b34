"""The same language as langdetect itself gives with the same seed and profiles."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langdetect.lang_detect_exception import LangDetectException

from ifeval import language_detection
from tests.ifeval.texts import EDGES, texts

PHRASES = (
    "The weather was fine and the boats went out early.",
    "Das Wetter war schön, und die Boote fuhren früh hinaus.",
    "Het weer was mooi en de boten voeren vroeg uit.",
    "El tiempo era bueno y los barcos salieron temprano.",
    "O tempo estava bom e os barcos saíram cedo.",
    "Il tempo era bello e le barche uscirono presto.",
    "Vremea era frumoasă și bărcile au ieșit devreme.",
    "Thời tiết đẹp và những chiếc thuyền ra khơi sớm.",
    "Погода была хорошая, и лодки вышли рано.",
    "Времето беше хубаво и лодките излязоха рано.",
    "天气很好，船很早就出海了。",
    "天気がよくて、船は早く出ました。",
    "날씨가 좋아서 배들이 일찍 나갔습니다.",
    "كان الطقس جميلا وخرجت القوارب مبكرا.",
    "मौसम अच्छा था और नावें जल्दी निकल गईं।",
    "อากาศดีและเรือออกแต่เช้า",
    "ALL OF THIS IS WRITTEN IN CAPITAL LETTERS FOR ONCE.",
    "mail me@example.com or see https://example.com/a?b=c today",
    "OK",
    "12 34 !!",
)


def theirs(text):
    """langdetect's own detection, on the same profiles."""
    detector = language_detection._profiles().factory.create()
    detector.append(text)
    try:
        return detector.detect()
    except LangDetectException:
        return None


def test_phrases_and_edges():
    for text in (*PHRASES, *EDGES):
        assert language_detection.detect(text) == theirs(text), text


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PHRASES) | texts | st.text(max_size=30), max_size=4).map(" ".join))
def test_mixtures(text):
    assert language_detection.detect(text) == theirs(text)


def test_long_texts():
    for text in ("The tide is out. " * 2000, "x" * 20_000, "好" * 20_000, " ".join(PHRASES) * 20):
        assert language_detection.detect(text) == theirs(text)
