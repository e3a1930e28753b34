"""The page of a run, without a browser."""

import re
from html.parser import HTMLParser

from tests.pages import ROWS, page_of
from tuning.report import page

VOID = {"meta", "input", "link", "br", "polyline"}


class Nesting(HTMLParser):
    """Collects text, and what is opened and not closed in its order."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append((tag, self.getpos()))


def test_the_same_result_is_the_same_page():
    assert page_of(ROWS) == page_of(ROWS)


def test_every_tag_is_closed_whatever_the_responses_hold():
    nesting = Nesting()
    nesting.feed(page_of([*ROWS, ("<b>", ["punctuation:no_comma"], "</details></main>", "<table><tr>")]).decode())
    nesting.feed("")
    assert (nesting.open, nesting.wrong) == ([], [])
    assert nesting.tags.count("script") == 1


def test_it_asks_for_nothing_from_elsewhere():
    page = page_of(ROWS).decode()
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "default-src 'none'" in page


def test_every_accuracy_has_its_interval_and_difference():
    page = " ".join(re.sub(r"<[^>]+>", " ", page_of(ROWS).decode()).split())
    assert "instruction level, strict 25.0 (" in page
    assert "50.0 (" in page
    assert "+25.0 (" in page


def test_outcomes_are_of_base_and_tuned():
    page = page_of(ROWS).decode()
    assert "startend:quotation=broken;" in page
    assert "punctuation:no_comma=fixed;" in page
    assert "startend:quotation=still failing;punctuation:no_comma=fixed;" in page


def test_a_curve_fills_its_box():
    curve = page.curve("loss", [(0, 4.0), (5, 2.0), (10, 1.0)], width=100, height=40)
    assert curve.points == "0.0,0.0 50.0,20.0 100.0,30.0"
    assert (curve.first, curve.last, curve.steps) == (4.0, 1.0, 10)
    assert page.curve("loss", []) is None


def test_nested_settings_are_named_with_dots():
    assert page.flat({"a": {"b": 1, "c": {"d": None}}, "e": [1]}) == {"a.b": 1, "a.c.d": None, "e": [1]}
