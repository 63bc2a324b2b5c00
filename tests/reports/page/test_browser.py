"""The page in a real browser: headless Chromium, driven by Playwright.

The browser is Debian's (`make browser`), or the one that SOFTMARK_BROWSER names.
"""

import dataclasses
import math
import os
import shutil
from pathlib import Path

import pytest

from reports.page import Told, write_folder
from reports.records import Run, Status

CONTRASTS = Path(__file__).with_name("contrasts.js")
HOSTILE = "<script>document.title='owned'</script>"


def find_browser():
    """Return the path of a Chromium, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("SOFTMARK_BROWSER") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser():
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium: make browser, or name one with SOFTMARK_BROWSER")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pip install --constraint constraints.txt playwright"
    )
    with playwright.sync_playwright() as driver:
        # CI runs as root, where Chromium's own sandbox cannot start; the page is ours.
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page_file(tmp_path, make_outcome, make_measurement, make_duel):
    """Return the page of a run with a backend named like markup, and of a bench run."""
    names = ("mine", "theirs", HOSTILE)
    statuses = (Status.PASS, Status.WEAK, Status.PASS, Status.KNOWN)
    outcomes = [
        make_outcome(
            number,
            backend=names[number % 3],
            check=("accuracy", "axes")[number % 2],
            n=2 ** (number % 12),
            max_ulp=(number * 37 % 100) / 8,
            status=statuses[number % 4],
        )
        for number in range(60)
    ]
    wrong = {"message": HOSTILE, "replay": f"python -m verify '{HOSTILE}'", "max_ulp": math.inf}
    outcomes.append(make_outcome(99, backend=HOSTILE, status=Status.FAIL, **wrong))
    timed = [
        make_measurement(backend=name, bandwidth=1e9 * (i + 1)) for i, name in enumerate(names)
    ]
    runs = [Run.start(kind, version="1") for kind in ("verify", "bench")]
    runs = [dataclasses.replace(run, finished=run.created) for run in runs]
    told = [Told(runs[0], outcomes, [], []), Told(runs[1], [], timed, [make_duel()])]
    return write_folder(tmp_path / "page", told)


@pytest.fixture
def opened(browser, page_file):
    """Return the page, ready; afterwards nothing may have been complained of or asked for."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints, requests = [], []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]", timeout=20_000)
    yield page
    outside = [url for url in requests if not url.startswith("data:")]
    title = page.title()
    page.close()
    assert complaints == []
    assert outside == [page_file.as_uri()]
    assert title.startswith("Softmark")


def texts(page, selector):
    return page.locator(selector).all_inner_texts()


def table(page, name):
    """Bring a table into sight and return its selector."""
    place = f"[data-table={name}]"
    page.locator(place).scroll_into_view_if_needed()
    page.wait_for_selector(f"{place} tbody tr")
    return place


def test_a_column_sorts_both_ways(opened):
    place = table(opened, "outcomes")
    heading = opened.locator(f"{place} th[data-column=max_ulp]")
    at = opened.locator(f"{place} thead th").all_inner_texts().index("max ulp") + 2
    cells = f"{place} tbody tr td:nth-child({at})"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    falling = texts(opened, cells)
    assert falling[0] == "∞"
    numbers = list(map(float, falling[1:]))
    assert numbers == sorted(numbers, reverse=True)
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    rising = list(map(float, texts(opened, cells)))
    assert rising == sorted(rising)
    assert rising[0] == 0


def test_filters_leave_what_they_say_and_a_row_opens(opened):
    place = table(opened, "outcomes")
    outcomes = opened.locator(place)
    outcomes.get_by_label("Filter by check").select_option("axes")
    outcomes.get_by_label("Filter by max ulp").fill("> 10")
    rows = texts(opened, f"{place} tbody tr")
    assert rows
    assert all("axes" in row for row in rows)
    assert opened.locator(f"{place} .said").inner_text().endswith("(61 unfiltered)")
    outcomes.get_by_role("button", name="Clear filters").click()
    outcomes.get_by_label("Filter by status").select_option("fail")
    outcomes.get_by_role("button", name="All fields of this row").first.click()
    assert HOSTILE in opened.locator(f"{place} .fields").inner_text()


def test_a_link_of_a_verdict_leads_to_its_outcomes(opened):
    opened.locator(".verdict.bad .reasons a").first.click()
    opened.wait_for_selector("[data-table=outcomes] tbody tr")
    rows = texts(opened, "[data-table=outcomes] tbody tr")
    assert len(rows) == 1
    assert HOSTILE in rows[0]


def test_every_picture_is_drawn_and_names_stay_text(opened):
    places = opened.locator("[data-picture]")
    for place in places.all():
        place.scroll_into_view_if_needed()
        place.locator("svg").wait_for()
    assert places.count() == 6
    assert opened.locator("[data-picture] script").count() == 0
    opened.locator("#choose-dtype").select_option("float32")
    assert opened.locator("[data-picture=plane] svg").count() == 1


def test_the_slider_moves_the_probabilities(opened):
    computed = ".computed-value"
    before = list(map(float, texts(opened, computed)))
    assert before == pytest.approx([0.1051, 0.4712, 0.0350, 0.0029, 0.3858], abs=1e-4)
    slider = opened.get_by_label("Temperature", exact=True)
    slider.focus()
    for _ in range(20):
        slider.press("ArrowRight")
    after = list(map(float, texts(opened, computed)))
    assert float(opened.locator("#temperature-said").inner_text()) == pytest.approx(10**0.4)
    assert max(after) < max(before)
    assert sum(after) == pytest.approx(1)


def test_the_naive_formula_overflows_and_the_stable_one_does_not(opened):
    opened.get_by_role("button", name="Large numbers").click()
    assert set(texts(opened, ".computed-value")) == {"NaN"}
    assert "overflowed" in opened.locator("[data-at=said]").inner_text()
    exact = texts(opened, ".exact-value")
    opened.get_by_label("stable").check()
    assert float(texts(opened, ".computed-value")[0]) == pytest.approx(float(exact[0]), rel=1e-6)


def test_formats_change_the_logits_the_loss_and_the_jacobian(opened):
    opened.get_by_label("bfloat16").check()
    assert texts(opened, "[data-at=bars] td:nth-child(2)")[0] == "1.6"
    assert len(texts(opened, "[data-at=jacobian] tbody td")) == 25
    opened.get_by_label("Logits").fill("1, -inf, nonsense")
    assert "“nonsense” is no number" in opened.locator("#trouble").inner_text()
    opened.get_by_label("Logits").fill("0, -200")
    opened.get_by_label("Cross-entropy of class").select_option("1")
    assert opened.locator("[data-at=loss]").inner_text() == "∞"
    assert float(opened.locator("[data-at=loss-exact]").inner_text()) == pytest.approx(200)


def test_a_digit_is_read_and_drawn_in_by_keyboard(opened):
    opened.get_by_role("button", name="Next digit").click()
    said = opened.locator("#explorer .digit .said")
    assert "The classifier reads 8; it is a 8" in said.inner_text()
    assert len(texts(opened, ".computed-value")) == 10
    before = opened.get_by_label("Logits").input_value()
    corner = opened.get_by_role("gridcell").first
    corner.press("ArrowDown")
    for _ in range(2):
        opened.locator(":focus").press("ArrowRight")
    drawn = opened.locator(":focus")
    ink = drawn.get_attribute("aria-label")
    assert ink.startswith("row 2, column 3")
    drawn.press("Space")
    assert drawn.get_attribute("aria-label") != ink
    assert opened.get_by_label("Logits").input_value() != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(browser, page_file, scheme):
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]")
    for place in page.locator("[data-picture]").all():
        place.scroll_into_view_if_needed()
        place.locator("svg").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_against_what_lies_under_it(browser, page_file, scheme):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]")
    for place in page.locator("[data-picture]").all():
        place.scroll_into_view_if_needed()
        place.locator("svg").wait_for()
    table(page, "outcomes")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = page.evaluate(CONTRASTS.read_text(encoding="utf-8"))
    page.close()
    assert len(found) > 300
    assert "\n".join(map(str, (each for each in found if each[1] < 4.5))) == ""


@pytest.fixture
def many_file(tmp_path, make_outcome, make_measurement):
    """Return the page of twenty backends on two shapes."""
    names = [f"backend_{number:02}" for number in range(20)]
    outcomes = [make_outcome(i, backend=name, max_ulp=1.0 + i) for i, name in enumerate(names)]
    timed = [
        make_measurement(backend=name, shape=shape, bandwidth=1e9 * (i + 1), median=1 / (i + 1))
        for i, name in enumerate(names)
        for shape in ((64, 1000), (2, 1000))
    ]
    runs = [Run.start(kind, version="1") for kind in ("verify", "bench")]
    told = [Told(runs[0], outcomes, [], []), Told(runs[1], [], timed, [])]
    return write_folder(tmp_path / "many", told)


def test_no_two_backends_look_alike_and_the_plane_is_of_the_shape_that_is_chosen(
    browser, many_file
):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(many_file.as_uri())
    page.wait_for_selector("html[data-ready]")
    place = page.locator("[data-picture=speeds]")
    place.scroll_into_view_if_needed()
    place.locator("svg").wait_for()
    symbols = place.locator(".role-legend-symbol path").all()
    looks = {(each.get_attribute("fill"), each.get_attribute("d")) for each in symbols}
    assert len(looks) == len(symbols) == 20
    shape = page.locator("#choose-shape")
    assert shape.locator("option").all_inner_texts() == ["2x1000", "64x1000"]
    assert shape.input_value() == "64x1000"
    for chosen in ("2x1000", "64x1000"):
        shape.select_option(chosen)
        page.wait_for_function(
            "text => [...document.querySelectorAll('[data-picture=plane] path[aria-label]')]"
            ".filter((mark) => mark.ariaLabel.includes(text)).length === 20",
            arg=chosen,
        )
    page.close()
