"""The page of a run in a real browser: headless Chromium from the system's packages, driven by Playwright."""

import shutil

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.pages import ROWS, page_of

HEADLESS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "no Chromium is here: install the system's package, such as `apt-get install chromium`"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=HEADLESS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_bytes(page_of(ROWS))
    return path


@pytest.fixture
def page(browser, file):
    context = browser.new_context(offline=True)
    opened = context.new_page()
    opened.problems = []
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("console", lambda message: opened.problems.append(message.text) if message.type == "error" else None)
    opened.goto(file.as_uri())
    yield opened
    assert opened.problems == []
    context.close()


def shown(page: Page) -> list[str]:
    return [row.locator("summary b").inner_text() for row in page.locator("details.row:visible").all()]


def test_all_prompts_are_shown_first(page):
    assert shown(page) == ["1", "2", "3"]
    expect(page.get_by_role("status")).to_have_text("3 of 3 prompts")


def test_filter_by_type(page):
    page.get_by_label("Instruction type").select_option("startend:quotation")
    assert shown(page) == ["2", "3"]
    expect(page.get_by_role("status")).to_have_text("2 of 3 prompts")


@pytest.mark.parametrize(("outcome", "keys"), [("fixed", ["1", "3"]), ("broken", ["2"]), ("still failing", ["3"])])
def test_filter_by_what_became_of_it(page, outcome, keys):
    page.get_by_label("From base to tuned").select_option(outcome)
    assert shown(page) == keys


def test_type_and_outcome_are_of_the_same_instruction(page):
    page.get_by_label("Instruction type").select_option("startend:quotation")
    page.get_by_label("From base to tuned").select_option("fixed")
    assert shown(page) == []
    page.get_by_label("Instruction type").select_option("punctuation:no_comma")
    assert shown(page) == ["1", "3"]


def test_search_finds_words_of_prompts_and_of_both_responses(page):
    search = page.get_by_label("Search prompts and responses")
    for words, keys in (("LIGHTHOUSE", ["1"]), ("answer of base", ["2"]), ("quiet, tuned", ["2"]), ("nowhere", [])):
        search.fill(words)
        assert shown(page) == keys, words
    search.fill("")
    assert shown(page) == ["1", "2", "3"]


def test_a_row_opens_with_the_keyboard_and_shows_reasons(page):
    row = page.locator("details.row").first
    expect(row.get_by_text("2 commas")).to_be_hidden()
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_text("2 commas")).to_be_visible()
    expect(row.get_by_role("region", name="tuned response")).to_contain_text("No comma here.")


def test_markup_in_a_response_is_text(page):
    row = page.locator("details.row").nth(2)
    row.locator("summary").click()
    text = '<script>document.title = "taken"</script><img src=x onerror="document.title=1"> & </pre>'
    expect(row.locator(".response").last).to_have_text(text)
    assert row.locator("script, img").count() == 0
    assert page.title() == "IFEval of some/model, base and tuned"


def test_every_field_has_a_name_and_headings_descend(page):
    for field in page.locator("select, input").all():
        assert page.locator(f"label[for={field.get_attribute('id')}]").count() == 1
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(browser, file, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto(file.as_uri())
    for colour in ("--text", "--soft", "--good", "--bad", "--tuned"):
        for back in ("--back", "--panel"):
            assert contrast(variable(page, colour), variable(page, back)) >= 4.5, (colour, back)
    page.close()


def test_it_fits_a_phone(browser, file):
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(file.as_uri())
    page.locator("details.row summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def variable(page: Page, name: str) -> tuple[int, int, int]:
    value = page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name)", name)
    digits = value.strip().lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """The contrast ratio of WCAG 2.1."""

    def luminance(colour):
        parts = [value / 255 for value in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
