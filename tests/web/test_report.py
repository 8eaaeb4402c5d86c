"""report.html in a real browser: nothing leaves it, nothing in it comes to life, and it fits where it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.made_runs import CALIBRATION, made_run
from tests.web.conftest import Browser
from whet.report import page

TEXTS = (
    "<img src=x onerror=\"window.hit='img'\">",
    "</script><script>window.hit='script'</script>",
    "\"><svg onload=window.hit='svg'>",
    "</style><body onload=window.hit='style'> {{ 7 * 7 }} {% raw %}",
    "javascript:window.hit='link' ${window.hit='template'} <!-- ]]>",
    "https://example.com/picture.png " + "long" * 100,
)
LABELS = ("calm", "</script><script>window.hit='label'</script>", "<b onmouseover=window.hit='tip'>긍정")

LUMINANCE = """
const colour = getComputedStyle(arguments[0])[arguments[1]];  // rgb(0 to 255) or, where mixed, color(srgb 0 to 1)
const most = colour.startsWith("rgb") ? 255 : 1;
const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => part / most)
  .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
return 0.2126 * r + 0.7152 * g + 0.0722 * b;
"""

# Elements that reach beyond the page, but for those in a box of their own that scrolls.
TOO_WIDE = """
return [...document.querySelectorAll("body *")]
  .filter((each) => !each.closest(".scroll, pre, svg, [hidden]") && each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 80));
"""


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of every task, with hostile texts and labels."""
    folder, found = tmp_path_factory.mktemp("reports"), {}
    kinds = {"one": LABELS, "two": ("부정", "긍정"), "many": [f"a rather long label {i}" for i in range(30)]}
    for name, labels in kinds.items():
        made = made_run(folder / name, labels, texts=TEXTS * 20, more={"calibration": CALIBRATION})
        weights = [{"start": 0, "end": 4, "weight": 1.0}, {"start": 5, "end": 10, "weight": -1.0}]
        rows = [{"row_id": row, "text": text, "words": weights} for row, text in enumerate(TEXTS)]
        made.write("explanations.json", {"format": 1, "wrong": 9, "explained": len(TEXTS), "rows": rows})
        found |= {f"{name} {lang}": _written(made, lang) for lang in ("en", "ko")}
    found["several en"] = _written(made_run(folder / "several", LABELS, kind="several", texts=TEXTS * 20), "en")
    found["value ko"] = _written(made_run(folder / "value", ("별점",), kind="value", texts=TEXTS * 20), "ko")
    return found


def _written(folder: page.RunFolder, lang: str) -> Path:
    page.write(folder, "ko" if lang == "ko" else "en")
    kept = folder.path / f"{lang}.html"
    return (folder.path / "report.html").rename(kept)


NAMES = ("one en", "one ko", "two en", "two ko", "many en", "many ko", "several en", "value ko")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_asked_for_but_the_page_and_nothing_complains(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    browser.open(pages[name])
    assert browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []
    assert browser.requests() == [pages[name].as_uri()]
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ["one en", "several en", "value ko"])
def test_texts_and_labels_do_nothing(browser: Browser, pages: dict[str, Path], name: str) -> None:
    browser.open(pages[name])
    for cell in browser.all("td, th, text, summary, a"):
        browser.run("arguments[0].dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))", cell)
    assert browser.run("return window.hit") is None
    assert len(browser.all("script")) == 1
    assert browser.all("img, iframe, object, embed, link, base, form, [onload], [onerror], [onmouseover]") == []
    shown = browser.run("return document.body.textContent")
    for text in TEXTS:
        assert text in shown
    assert browser.complaints() == []


def test_a_script_that_is_not_the_page_s_own_would_not_run(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one en"])
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit=1\">')")
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.hit = 2'; "
        "document.body.append(script)"
    )
    assert browser.run("return window.hit") is None
    assert len([line for line in browser.complaints() if "Content Security Policy" in line]) >= 2


def test_the_filter_shows_the_rows_with_all_of_its_words(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["two en"])
    rows = browser.all("#mistakes tbody tr")
    box = browser.all(".filter")[0]
    field, output = box.find_element(By.TAG_NAME, "input"), box.find_element(By.TAG_NAME, "output")
    assert output.text == f"{len(rows)} of {len(rows)} rows"
    field.send_keys("ONERROR 긍정")
    fitting = [row for row in rows if "onerror" in row.text.lower() and "긍정" in row.text]
    assert [row for row in rows if row.is_displayed()] == fitting
    assert output.text == f"{len(fitting)} of {len(rows)} rows"
    field.clear()
    field.send_keys("no row has this")
    assert [row for row in rows if row.is_displayed()] == []
    assert output.text == f"0 of {len(rows)} rows"


def test_without_scripts_the_rows_are_there_and_the_filter_is_not(browser: Browser, pages: dict[str, Path]) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.open(pages["two en"])
    assert not browser.all(".filter")[0].is_displayed()
    assert all(row.is_displayed() for row in browser.all("#mistakes tbody tr"))
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_is_never_wider_than_the_screen(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.open(pages[name], width=width)
    assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
    assert browser.run(TOO_WIDE) == []


def test_a_wide_table_scrolls_in_a_box_that_the_keyboard_reaches(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one en"], width=360)
    boxes = browser.all("#confusion .scroll")
    assert browser.run("return arguments[0].scrollWidth > arguments[0].clientWidth", boxes[0])
    assert {box.get_attribute("tabindex") for box in browser.all(".scroll")} == {"0"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "selector", ["body", "header .about", "header .about b", "nav a", ".tiles small", "caption", "thead th", ".note",
                 ".filter input", "figure text", "pre", ".heat td:nth-child(2)", "mark.for", "mark.against",
                 "footer"]
)  # fmt: skip
def test_letters_stand_out_from_what_is_behind_them(
    browser: Browser, pages: dict[str, Path], scheme: str, selector: str
) -> None:
    """The contrast of WCAG 2.2, level AA: 4.5 to 1."""
    browser.open(pages["two en"], scheme=scheme)
    letters = browser.all(selector)[0]
    colour = "fill" if letters.tag_name == "text" else "color"
    behind = browser.run(
        "let at = arguments[0]; while (/rgba\\(.*, 0\\)/.test(getComputedStyle(at).backgroundColor)) "
        "at = at.parentElement; return at", letters,
    )  # fmt: skip
    browser.run("document.body.style.transition = 'none'")
    ours, theirs = browser.run(LUMINANCE, letters, colour), browser.run(LUMINANCE, behind, "backgroundColor")
    assert (max(ours, theirs) + 0.05) / (min(ours, theirs) + 0.05) >= 4.5
    assert (browser.run(LUMINANCE, browser.all("body")[0], "backgroundColor") < 0.2) == (scheme == "dark")


def test_korean_letters_are_drawn_by_a_font_that_has_them(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["two ko"])
    assert browser.run("return document.documentElement.lang") == "ko"
    assert browser.all("h2")[0].text == "점수"
    width = (
        "const at = document.createElement('canvas').getContext('2d'); at.font = getComputedStyle(document.body).font;"
    )
    widths = browser.run(f"{width} return [...'가나\\u{{10FFFF}}'].map((letter) => at.measureText(letter).width)")
    assert widths[0] == widths[1] > 0


def test_printed_it_is_light_has_no_filter_and_shows_every_row(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one en"], scheme="dark", media="print")
    assert browser.run(LUMINANCE, browser.all("body")[0], "backgroundColor") == pytest.approx(1.0)
    assert not browser.all(".filter")[0].is_displayed()
    tall = browser.run(
        "const at = document.querySelector('#mistakes .scroll'); return at.scrollHeight - at.clientHeight"
    )
    assert tall == 0
