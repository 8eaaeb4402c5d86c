"""The server's page in a real browser: used as people use it, and attacked as it may be."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.unit.server.made import FAILS, Known, Running, pairs_too, running, score
from tests.web.conftest import Browser
from tests.web.test_report import LUMINANCE, TOO_WIDE
from whet.labels import LabelSet
from whet.records import Usage

HOSTILE = LabelSet(("<img src=x onerror=window.hit=1>", "</script><script>window.hit=2</script>"), None, "")
CANARIES = ("<img src=x onerror=\"window.hit='img'\">", "<svg onload=window.hit='svg'>",
            "javascript:window.hit='link' {{7*7}} ${window.hit='template'}")  # fmt: skip
TOKEN = "a-token-of-many-letters"


class Page:
    """The page of a server, and what a person does on it."""

    def __init__(self, browser: Browser, server: Running, **more: Any) -> None:
        self.browser, self.server = browser, server
        self.address = f"http://127.0.0.1:{server.port}"
        browser.show(f"{self.address}/", **more)
        self.until(lambda: browser.run("return document.getElementById('version').textContent"))

    def __call__(self, name: str) -> WebElement:
        return self.browser.driver.find_element(By.ID, name)

    def until(self, what: Callable[[], Any]) -> Any:
        ends = time.monotonic() + 30
        while not (found := what()):
            assert time.monotonic() < ends, self.browser.complaints()
            time.sleep(0.02)
        return found

    def predict(self, text: str) -> None:
        """Types a text, sends it and waits for its answer, explained where it has words."""
        self("text").clear()
        # As a paste would: keys of letters outside of the first plane are not known to the driver.
        self.browser.run("arguments[0].value = arguments[1]", self("text"), text)
        self("send").click()
        self.until(lambda: self.browser.all("#tries .said") and self.browser.all("#tries .said")[0].text)
        self.until(lambda: self("words").get_attribute("textContent") == text)

    def upload(self, path: Path) -> None:
        self("csv").send_keys(str(path))


@pytest.fixture
def serving() -> Iterator[Callable[..., Running]]:
    """Servers that end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda model=None, **more: stack.enter_context(running(model, **more))


def test_a_text_is_typed_and_its_label_every_probability_and_the_words_are_shown(
    browser: Browser, serving: Callable[..., Running]
) -> None:
    page = Page(browser, serving())
    text = "three short words"
    page("text").send_keys(text)
    page("send").click()
    page.until(lambda: page("words").is_displayed() and page("words").text == text)
    assert page("label").text == ("pos" if score(text) >= 0.5 else "neg")
    shares = {bar.find_element(By.TAG_NAME, "span").text: bar.find_element(By.CLASS_NAME, "share").text
              for bar in browser.all("#bars li")}  # fmt: skip
    assert shares == {"pos": f"{score(text):.1%}", "neg": f"{1 - score(text):.1%}"}
    marks = [mark.text for mark in browser.all("#words mark")]
    assert marks
    assert set(marks) <= {"three", "short", "words"}
    assert [each.text for each in browser.all("#tries .said")] == [text]
    assert browser.complaints() == []


def test_nothing_is_asked_for_elsewhere(browser: Browser, serving: Callable[..., Running]) -> None:
    page = Page(browser, serving())
    page.predict("a text")
    assert {address.split("/")[2] for address in browser.requests()} == {f"127.0.0.1:{page.server.port}"}
    assert browser.run("return [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_the_keyboard_alone_is_enough(browser: Browser, serving: Callable[..., Running]) -> None:
    page = Page(browser, serving())

    def press(*keys: str, held: str = "") -> None:
        actions = ActionChains(browser.driver)
        if held:
            actions.key_down(held).send_keys(*keys).key_up(held).perform()
        else:
            actions.send_keys(*keys).perform()

    def at() -> str:
        found: str = browser.driver.switch_to.active_element.get_attribute("id") or ""
        return found

    press(Keys.TAB)  # to the link that skips what stands above
    assert browser.run("return document.activeElement.className") == "skip"
    press(Keys.ENTER)
    page.until(lambda: at() == "text" or browser.run("return location.hash") == "#text")
    while at() != "text":
        press(Keys.TAB)
    press("first text")
    press(Keys.ENTER, held=Keys.CONTROL)
    page.until(lambda: [each.text for each in browser.all("#tries .said")] == ["first text"])
    page.until(lambda: page("send").is_enabled())
    press("a", held=Keys.CONTROL)
    press("second text", Keys.TAB)
    assert at() == "send"
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(Keys.SPACE)
    page.until(lambda: len(browser.all("#tries .said")) == 2)
    seen = []
    for _ in range(30):
        press(Keys.TAB)
        seen.append(browser.run("return document.activeElement.textContent"))
        if "first text" in seen[-1]:
            break
    press(Keys.ENTER)
    page.until(lambda: page("text").get_attribute("value") == "first text")
    assert page("label").text == ("pos" if score("first text") >= 0.5 else "neg")


def test_everything_that_can_be_operated_has_a_name_and_answers_are_announced(
    browser: Browser, serving: Callable[..., Running]
) -> None:
    page = Page(browser, serving())
    page.predict("a text")
    for each in browser.all("button, input, select, textarea, a, progress:not([aria-hidden])"):
        if not each.is_displayed():
            continue
        name = browser.run(
            "const e = arguments[0]; return (e.getAttribute('aria-label') || e.textContent || '').trim() || "
            "[...(e.labels || [])].map((l) => l.textContent).join('').trim() || "
            "(document.getElementById(e.getAttribute('aria-labelledby')) || {}).id", each,
        )  # fmt: skip
        assert name, each.get_attribute("outerHTML")
    assert page("answer").get_attribute("aria-live") == "polite"
    assert page("fault").get_attribute("role") == "alert"
    assert len(browser.all("h1")) == 1


def test_korean_is_a_choice_and_the_answer_follows(browser: Browser, serving: Callable[..., Running]) -> None:
    page = Page(browser, serving(Known(LabelSet(("부정", "긍정"), "긍정", ""))))
    page.predict("이 영화는 정말 재미있었어요 🦊 추천합니다")
    Select(page("lang")).select_by_value("ko")
    assert browser.run("return document.documentElement.lang") == "ko"
    assert page("try-head").text == "모델 사용해 보기"
    assert page("send").text == "예측"
    assert page("sure").text.startswith("확률 ")
    assert page("why-head").text.startswith(("긍정(이)라고", "부정(이)라고"))
    left = browser.run(
        "return [...document.querySelectorAll('[data-word]')].filter((e) => e.dataset.word !== 'keys' && "
        "/^[\\x20-\\x7e]+$/.test(e.textContent)).map((e) => e.textContent)"
    )
    assert left == []
    # Places are code points, and the fox is one of them.
    assert {mark.text for mark in browser.all("#words mark")} <= {
        *["이", "영화는", "정말", "재미있었어요", "🦊", "추천합니다"]
    }


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_the_page_is_never_wider_than_the_screen(
    browser: Browser, serving: Callable[..., Running], width: int, lang: str
) -> None:
    labels = LabelSet(tuple(f"a rather long label of number {i}" for i in range(12)), None, "")
    page = Page(browser, serving(Known(labels)), width=width)
    Select(page("lang")).select_by_value(lang)
    page.predict("https://example.com/" + "long" * 100 + " and some more words")
    assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
    assert browser.run(TOO_WIDE) == []
    if width < 600:
        small = [b.get_attribute("id") for b in browser.all("#send, #csv, #text") if b.size["height"] < 24]
        assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_what_is_behind_them(
    browser: Browser, serving: Callable[..., Running], scheme: str
) -> None:
    """The contrast of WCAG 2.2, level AA: 4.5 to 1."""
    page = Page(browser, serving(), scheme=scheme)
    page.predict("three short words")
    selectors = ("body", "header .name", "header .name b", "label", "textarea", "button", "#sure", "#bars li", "mark",
                 ".note", "#forget", ".tries .told", "footer")  # fmt: skip
    for selector in selectors:
        letters = browser.all(selector)[0]
        behind = browser.run(
            "let at = arguments[0]; while (/rgba\\(.*, 0\\)/.test(getComputedStyle(at).backgroundColor)) "
            "at = at.parentElement; return at", letters,
        )  # fmt: skip
        ours, theirs = browser.run(LUMINANCE, letters, "color"), browser.run(LUMINANCE, behind, "backgroundColor")
        assert (max(ours, theirs) + 0.05) / (min(ours, theirs) + 0.05) >= 4.5, selector
    assert (browser.run(LUMINANCE, browser.all("body")[0], "backgroundColor") < 0.2) == (scheme == "dark")


def test_texts_labels_and_files_do_nothing(browser: Browser, serving: Callable[..., Running], tmp_path: Path) -> None:
    """X1, X3"""
    page = Page(browser, serving(Known(HOSTILE)))
    for text in CANARIES:
        page.predict(text)
    path = tmp_path / "<img src=x onerror=window.hit=3>.csv"
    path.write_text("<img src=x onerror=window.hit=4>,b\n<svg onload=window.hit=5>,c\n", encoding="utf-8")
    page.upload(path)
    page.until(lambda: page("columns").is_displayed())
    page("start").click()
    page.until(lambda: page("download").is_displayed())
    path.with_name("bad.csv").write_text("a,b\n<img src=x onerror=window.hit=6>\n", encoding="utf-8")
    page.upload(path.with_name("bad.csv"))
    page.until(lambda: page("file-fault").is_displayed())
    for each in browser.all("main *"):
        browser.run("arguments[0].dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))", each)
    assert browser.run("return window.hit") is None
    assert browser.all("main img, main svg, main script, [onerror], [onload]") == []
    assert [each.text for each in browser.all("#tries .said")] == [*reversed(CANARIES)]
    assert set(HOSTILE.names) == {each.text for each in browser.all("#bars li span:first-child")}
    assert browser.complaints() == []


def test_what_stands_in_the_page_could_not_run_anyway(browser: Browser, serving: Callable[..., Running]) -> None:
    """X1"""
    Page(browser, serving())
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit=1\">')")
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.hit = 2'; "
        "document.body.append(script)"
    )
    assert browser.run("return window.hit") is None


ROWS = [("text", "note"), ("a plain text", "=1+1"), ('with "quotes", commas\nand a line', "-1.5"),
        ("=HYPERLINK(1)", "x"), ("＝1", " @x"), ("긍정 🦊", ""),
        *((f"row {i}", str(i)) for i in range(150))]  # fmt: skip


def test_a_csv_is_answered_row_by_row_and_downloaded_safe_for_a_spreadsheet(
    browser: Browser, serving: Callable[..., Running], tmp_path: Path
) -> None:
    """X4"""
    page = Page(browser, serving())
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(ROWS)
    page.upload(path)
    page.until(lambda: page("columns").is_displayed())
    assert Select(page("column")).first_selected_option.text == "text"
    page("start").click()
    page.until(lambda: page("download").is_displayed())
    assert page("done").text == "155 of 155 rows"
    assert page("download").get_attribute("href").startswith("blob:")
    found = list(csv.reader(io.StringIO(saved(browser, page))))
    assert found[0] == ["text", "note", "label", "score", "probability neg", "probability pos"]
    assert len(found) == len(ROWS)
    for (text, note), row in zip(ROWS[1:], found[1:], strict=True):
        escaped = [f"'{cell}" if cell.lstrip()[:1] in {*"=+-@＝"} and cell.strip() else cell for cell in (text, note)]
        assert row[:2] == escaped
        assert float(row[5]) == pytest.approx(score(text))
        assert row[2] == ("pos" if score(text) >= 0.5 else "neg")


def saved(browser: Browser, page: Page) -> str:
    """What the link would save."""
    folder = Path(browser.driver.capabilities["chrome"]["userDataDir"])
    target = folder / "downloads"
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(target)})
    path = target / "predictions.csv"
    path.unlink(missing_ok=True)  # that of another test
    page("download").click()
    page.until(path.is_file)
    page.until(lambda: path.stat().st_size)
    return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")


def test_another_file_ends_the_answers_of_the_one_before_and_has_its_own_rows_alone(
    browser: Browser, serving: Callable[..., Running], tmp_path: Path
) -> None:
    model = Known()
    page = Page(browser, serving(model))
    for name in ("first", "second"):
        (tmp_path / f"{name}.csv").write_text("text\n" + "".join(f"{name} {i}\n" for i in range(300)), encoding="utf-8")
    page.upload(tmp_path / "first.csv")
    page.until(lambda: page("columns").is_displayed())
    model.gate.clear()
    page("start").click()
    page.until(model.entered.is_set)
    page.upload(tmp_path / "second.csv")
    page.until(lambda: page("columns").is_displayed() and not page("progress").is_displayed())
    assert page("start").is_displayed()
    model.gate.set()
    page("start").click()
    page.until(lambda: page("download").is_displayed())
    assert page("done").text == "300 of 300 rows"
    found = list(csv.reader(io.StringIO(saved(browser, page))))
    assert [row[0] for row in found] == ["text", *(f"second {i}" for i in range(300))]


def test_a_file_that_is_none_is_named_by_its_line(
    browser: Browser, serving: Callable[..., Running], tmp_path: Path
) -> None:
    page = Page(browser, serving())
    bad = {
        b"text\n": "no rows", b"text,b\na,1\nb\n": "Line 3", b'text\n"open\nmore': "not closed",
        b"\xff\xfe\x00": "UTF-8",
    }  # fmt: skip
    for number, (content, said) in enumerate(bad.items()):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(content)
        page.upload(path)
        page.until(lambda said=said: said in page("file-fault").text)  # type: ignore[misc]
        assert not page("columns").is_displayed()


def test_a_pair_and_a_number_have_their_own_look(browser: Browser, serving: Callable[..., Running]) -> None:
    page = Page(browser, serving(Known(usage=pairs_too())))
    assert page("text2").is_displayed()
    page("text").send_keys("one text")
    page("text2").send_keys("another text")
    page("send").click()
    page.until(lambda: page("words").is_displayed())
    assert page("words").get_attribute("textContent") == "one text\n\nanother text"
    value = Page(browser, serving(Known(LabelSet(("stars",), None, "", "value"))))
    value.predict("a text")
    assert value("label").text.replace(".", "").replace("-", "").isdigit()
    assert browser.all("#bars li") == []


def test_several_labels_and_an_unsure_answer_are_told(browser: Browser, serving: Callable[..., Running]) -> None:
    several = Known(LabelSet(("a", "b", "c"), None, "", "several"), Usage(thresholds=dict.fromkeys("abc", 0.5)))
    page = Page(browser, serving(several))
    page.predict("a text")
    assert page("sure").text.endswith("of 3 labels")
    unsure = Page(browser, serving(min_confidence=0.9999))
    unsure.predict("a text")
    assert unsure("label").text == "unsure"


def test_what_goes_wrong_is_said_and_the_page_goes_on(browser: Browser, serving: Callable[..., Running]) -> None:
    page = Page(browser, serving())
    browser.run("arguments[0].value = arguments[1]", page("text"), FAILS)
    page("send").click()
    page.until(lambda: page("fault").is_displayed())
    assert page("fault").text.endswith("The server refused: The model failed on this request.")
    page.predict("a text")
    assert not page("fault").is_displayed()


def test_a_token_is_asked_for_and_kept_nowhere(browser: Browser, serving: Callable[..., Running]) -> None:
    """X7"""
    server = serving(token=TOKEN)
    browser.show(f"http://127.0.0.1:{server.port}/")
    page = Page.__new__(Page)
    page.browser, page.server = browser, server
    page.until(lambda: page("locked").is_displayed())
    page("token").send_keys("wrong", Keys.ENTER)
    page.until(lambda: page("fault").is_displayed())
    page("token").clear()
    page("token").send_keys(TOKEN, Keys.ENTER)
    page.until(lambda: not page("locked").is_displayed())
    page.predict("a text")
    assert browser.run("return [localStorage.length, sessionStorage.length, document.cookie, location.href]") == [
        0, 0, "", f"http://127.0.0.1:{server.port}/",
    ]  # fmt: skip


def test_the_report_of_the_run_is_a_click_away_and_works_under_its_policy(
    browser: Browser, serving: Callable[..., Running], tmp_path: Path
) -> None:
    from tests.made_runs import CALIBRATION, made_run
    from whet.report import page as reports

    made = made_run(tmp_path / "run", ("부정", "긍정"), texts=CANARIES * 20, more={"calibration": CALIBRATION})
    reports.write(made, "en")
    page = Page(browser, serving(report=made.path / "report.html"))
    page("report").click()
    page.until(lambda: browser.all("#mistakes .filter"))
    assert browser.all(".filter")[0].is_displayed()  # its script runs,
    assert browser.run("return getComputedStyle(document.body).maxWidth") != "none"  # its style holds
    assert browser.run("return window.hit") is None
    assert browser.complaints() == []
