"""For each of the 25 types, kwargs that both scorers take."""

from hypothesis import strategies as st

# The languages that the official checker can name.
_LANGUAGES = "ar bg bn de en es fa fi fr gu he hi it ja kn ko ml mr ne pa pl pt ru sw ta te th uk ur vi".split()
_relation = st.sampled_from(["less than", "at least"])
_small = st.integers(1, 8)
_word = st.sampled_from(["the", "river", "rate", "ana", "rock", "K", "a.b", "h[ae]", "no|yes", "\\bthe\\b", "harbour"])
_none = st.just({})


def _nth(numbers):
    count, nth = max(numbers), min(numbers)
    return st.fixed_dictionaries(
        {
            "num_paragraphs": st.just(count),
            "nth_paragraph": st.just(nth),
            "first_word": st.sampled_from(["weekend", "Meanwhile", "the", "(the", "**the**"]),
        }
    )


KWARGS = {
    "keywords:existence": st.fixed_dictionaries({"keywords": st.lists(_word, min_size=1, max_size=3)}),
    "keywords:frequency": st.fixed_dictionaries({"keyword": _word, "frequency": _small, "relation": _relation}),
    "keywords:forbidden_words": st.fixed_dictionaries({"forbidden_words": st.lists(_word, min_size=1, max_size=3)}),
    "keywords:letter_frequency": st.fixed_dictionaries(
        {"letter": st.sampled_from("aeiknrstzAK"), "let_frequency": _small, "let_relation": _relation}
    ),
    "language:response_language": st.fixed_dictionaries({"language": st.sampled_from(_LANGUAGES)}),
    "length_constraints:number_sentences": st.fixed_dictionaries({"num_sentences": _small, "relation": _relation}),
    "length_constraints:number_words": st.fixed_dictionaries({"num_words": st.integers(1, 60), "relation": _relation}),
    "length_constraints:number_paragraphs": st.fixed_dictionaries({"num_paragraphs": st.integers(1, 4)}),
    "length_constraints:nth_paragraph_first_word": st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(_nth),
    "detectable_content:number_placeholders": st.fixed_dictionaries({"num_placeholders": _small}),
    "detectable_content:postscript": st.fixed_dictionaries(
        {"postscript_marker": st.sampled_from(["P.S.", "P.P.S", "PS", "Note:"])}
    ),
    "detectable_format:number_bullet_lists": st.fixed_dictionaries({"num_bullets": st.integers(1, 5)}),
    "detectable_format:constrained_response": _none,
    "detectable_format:number_highlighted_sections": st.fixed_dictionaries({"num_highlights": st.integers(1, 5)}),
    "detectable_format:multiple_sections": st.fixed_dictionaries(
        {
            "section_spliter": st.sampled_from(["SECTION", "Section", "Day", " Day ", "S(E)CTION"]),
            "num_sections": _small,
        }
    ),
    "detectable_format:json_format": _none,
    "detectable_format:title": _none,
    "combination:two_responses": _none,
    "combination:repeat_prompt": st.fixed_dictionaries(
        {"prompt_to_repeat": st.sampled_from(["The", "the boats left", "My answer is yes.", "* ", "1"])}
    ),
    "startend:end_checker": st.fixed_dictionaries(
        {"end_phrase": st.sampled_from(["That is all I know.", "yes.", "a", "?", " river "])}
    ),
    "startend:quotation": _none,
    "change_case:capital_word_frequency": st.fixed_dictionaries(
        {"capital_frequency": _small, "capital_relation": _relation}
    ),
    "change_case:english_capital": _none,
    "change_case:english_lowercase": _none,
    "punctuation:no_comma": _none,
}
