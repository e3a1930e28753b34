"""What training prompts share with evaluation prompts."""

from tuning.data import contamination


def test_overlaps_are_found_whatever_the_case_signs_and_form_of_letters():
    prompt = "Café owners in the old town open their doors at six."
    found = contamination.find(["x", "CAFE\u0301 owners in the old town open their doors at six!"], [(1, prompt)])
    assert [(match.row, match.key, match.kind) for match in found] == [(1, 1, "exact")]
    assert contamination.find(["owners in the old town open their"], [(1, prompt)]) == []
    assert contamination.find(["The owners in the old town open their doors"], [(1, prompt)])[0].kind == "8-gram"
