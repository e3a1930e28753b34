"""A page with responses that are easy to tell apart."""

from ifeval import scoring
from ifeval.instructions import build
from ifeval.records import Prompt
from tuning.report import page

# Prompt, instruction ids, response of base, response of tuned.
ROWS = [
    ("Describe a lighthouse without commas.", ["punctuation:no_comma"], "One, two, three.", "No comma here."),
    ("Quote a river.", ["startend:quotation"], '"An answer of base"', "A quiet, tuned one"),
    (
        "Quote a bridge without commas.",
        ["startend:quotation", "punctuation:no_comma"],
        "a, b",
        '<script>document.title = "taken"</script><img src=x onerror="document.title=1"> & </pre>',
    ),
]


def page_of(rows: list[tuple[str, list[str], str, str]]) -> bytes:
    prompts = [
        Prompt(key, text, [build(name, {}) for name in ids]) for key, (text, ids, _, _) in enumerate(rows, start=1)
    ]
    responses = {
        name: {key: row[place] for key, row in enumerate(rows, start=1)} for name, place in (("base", 2), ("tuned", 3))
    }
    base, tuned = (scoring.judge_all(prompts, texts) for texts in responses.values())
    scores = {
        "base": scoring.score(base),
        "tuned": scoring.score(tuned),
        "difference": scoring.difference(base, tuned),
    }
    curve = page.curve("Training loss", [(0, 3.0), (10, 2.0), (20, 1.5)])
    params = {"model": "some/model", "dataset": "some/data", "lora": {"r": 8}}
    answered = page.answered(prompts, responses, base, tuned)
    return page.page(params, scores, answered, [curve], {"Data": {"rows to train on": 3}})
