"""The page's front end in a real browser, headless, from a file on disk."""

import os
import shutil

import pytest
from making_page import DATASETS, HOSTILE, LONG, fail_sample, make_data, make_hostile, write_folder, write_page
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
PATIENCE = 20
WIDTHS = (1280, 400)
# Elements that lay text out and cut it; those that scroll are left out.
CUT = """
const cut = [];
for (const one of document.querySelectorAll("body *")) {
  const style = getComputedStyle(one);
  const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text || !one.checkVisibility() || one.closest("caption, option, noscript, .skip")) continue;
  const hides = style.overflowX === "hidden" || style.overflowX === "clip" || one.scrollWidth > one.clientWidth + 1;
  const box = one.getBoundingClientRect();
  const scroller = one.closest(".overflows .table-box, .overflows .paper-card");
  if (hides && one.clientWidth && one.scrollWidth > one.clientWidth + 1) cut.push(one.outerHTML.slice(0, 200));
  else if (!scroller && (box.right > innerWidth + 1 || box.left < -1)) cut.push(one.outerHTML.slice(0, 200));
}
return cut;
"""
CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const linear = (value) => (value <= 10.3 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ground = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 200) return colour;
  }
  return [255, 255, 255, 255];
};
const poor = [];
for (const one of document.querySelectorAll("body *")) {
  const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text || !one.checkVisibility() || one.closest("option, noscript, :disabled")) continue;
  const [a, b] = [light(rgba(getComputedStyle(one).color)), light(ground(one))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push([ratio, one.outerHTML.slice(0, 160)]);
}
return poor;
"""


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests."""
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        reason = f"{' and '.join(missing)} not found on PATH: install Debian's chromium and chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = Options()
    options.binary_location = found["chromium"]
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found["chromedriver"]))
    yield driver
    driver.quit()


class Page:
    """An open page."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, address, width=1280, scheme="light"):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.get("about:blank")
        self.driver.get(address)
        return self

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def until(self, condition):
        return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.02).until(lambda _: condition())

    def choose(self, selector, text):
        Select(self.one(selector)).select_by_visible_text(text)

    def type(self, selector, text):
        """Replace what a field holds."""
        field = self.one(selector)
        field.clear()
        field.send_keys(text)

    def ids(self):
        return self.texts(".card-id")

    def until_ids(self, expected):
        self.until(lambda: self.ids() == expected)

    def title(self):
        """The sample that is open, False where none is."""
        text = "document.getElementById('sample-title').textContent"
        return self.run(f"return document.getElementById('sample').open && {text}")

    def until_title(self, expected):
        self.until(lambda: self.title() == expected)

    def problems(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(chromium):
    """A page object whose browser console must stay clean."""
    chromium.get_log("browser")
    page = Page(chromium)
    yield page
    assert page.problems() == []


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Twelve samples in one file, one of which failed."""
    data = make_data()
    fail_sample(data, 2)
    return write_page(tmp_path_factory.mktemp("page") / "page.html", data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A page of hostile and of very long texts."""
    return write_page(tmp_path_factory.mktemp("hostile") / "page #1 & more.html", make_hostile(make_data()))


def numbers(texts):
    return [float(text.split("[")[0]) for text in texts]


def test_every_part_is_shown_and_pictures_load(page, address):
    page.open(address)
    assert page.texts("h1") == ["Two datasets"]
    assert all(page.one(f"#{part}").is_displayed() for part in ("summary", "notes", "curves", "comparisons", "gallery"))
    loaded = "return [...document.querySelectorAll('figure img, .card:first-child img')].map((one) => one.naturalWidth)"
    page.until(lambda: set(page.run(loaded)) == {48})
    assert len(page.all("#run-table tbody tr")) == 7


def test_nothing_is_asked_of_a_network(page, address):
    page.open(address)
    asked = page.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in asked if not name.startswith(("data:", "file:"))] == []
    policy = page.one("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_headers_sort_the_runs_with_mouse_and_keyboard(page, address):
    page.open(address)
    f1 = "#run-table tbody td[data-title='F1']"
    header = next(one for one in page.all("#run-table thead button") if one.text == "F1")
    header.click()
    shown = numbers(page.texts(f1))
    assert shown == sorted(shown, reverse=True)
    header.send_keys(Keys.ENTER)
    shown = numbers(page.texts(f1))
    assert shown == sorted(shown)
    assert [one.text for one in page.all("#run-table th[aria-sort='ascending']")] == ["F1"]


def test_runs_are_filtered_by_text_dataset_and_condition(page, address):
    page.open(address)
    page.type("#run-text", "ssim")
    page.until(lambda: page.texts("#run-table tbody th") == ["SSIM", "SSIM"])
    page.type("#run-text", " ")
    page.choose("#run-dataset", DATASETS[1][1])
    page.until(lambda: len(page.all("#run-table tbody tr")) == 3)
    page.choose("#run-dataset", "All")
    page.choose("#run-condition", "jpeg")
    assert page.texts("#run-table tbody td[data-title='Condition']") == ["jpeg 70"]
    assert page.one("#run-count").text == "1 of 7 runs"


def test_a_sweep_does_not_bury_the_clean_runs(page, tmp_path):
    data = make_data()
    clean = data["runs"][0]
    data["runs"] += [{**clean, "perturbation": "blur", "severity": size, "run_id": f"{size:016x}"} for size in range(9)]
    page.open(write_page(tmp_path / "sweep.html", data))
    conditions = page.texts("#run-table tbody td[data-title='Condition']")
    assert set(conditions) == {"clean"}
    assert page.one("#run-count").text == f"{len(conditions)} of {len(data['runs'])} runs"
    page.choose("#run-condition", "All")
    assert len(page.all("#run-table tbody tr")) == len(data["runs"])


def test_a_run_opens_its_provenance_and_its_samples(page, address):
    page.open(address)
    assert page.texts("#run-table tbody td[data-title='Dataset']")[0] == f"{DATASETS[0][1]}\u00a0†"
    assert page.texts("#run-table td[data-title='Paper F1']")[0].startswith("66.70")
    page.one("#run-table tbody th button").send_keys(Keys.ENTER)
    assert "command: imlbench annotate-eval --annotator pixdiff-20" in page.texts("tr.detail li")
    assert page.run("return document.activeElement.getAttribute('aria-expanded')") == "true"
    page.one("tr.detail a").click()
    page.until_ids([f"photo_{index}" for index in (0, 1, 3, 4, 5, 2)])


def test_the_gallery_sorts(page, address):
    page.open(address)
    expected = [f"photo_{index}" for index in range(12)]
    page.choose("#find-order", "By id")
    assert page.ids() == expected
    page.choose("#find-order", "Highest score first")
    assert page.ids() == expected[::-1]
    page.choose("#find-order", "Largest edit first")
    assert page.ids() == expected[::-1]


def test_the_gallery_filters(page, address):
    page.open(address)
    page.choose("#find-order", "By id")
    page.choose("#find-dataset", DATASETS[1][1])
    assert page.ids() == [f"photo_{index}" for index in range(6, 12)]
    page.choose("#find-tag", "encoding")
    page.choose("#find-value", "jpeg (6)")
    assert page.ids() == ["photo_7", "photo_9", "photo_11"]
    page.type("#find-text", "OBJECT 9")
    page.until_ids(["photo_9"])
    page.type("#find-text", "nothing has this")
    page.until(lambda: page.one("#no-cards").is_displayed())
    page.one("#find-reset").click()
    assert len(page.ids()) == 12
    page.choose("#find-status", "failed: decode (1)")
    assert page.ids() == ["photo_2"]


def test_the_gallery_filters_by_the_score_of_an_annotator(page, address):
    page.open(address)
    page.choose("#find-annotator", "PixDiff-Fixed(20)")
    page.type("#find-low", "20")
    page.type("#find-high", "37.5")
    page.until_ids(["photo_3", "photo_4"])
    page.choose("#find-metric", "IoU")
    page.until_ids(["photo_3", "photo_4", "photo_5"])
    assert page.one("#find-count").text == "3 of 12 samples"


def test_a_card_opens_its_sample_with_scores_and_facts(page, address):
    page.open(address)
    page.choose("#find-order", "By id")
    page.all(".card")[2].click()
    page.until_title("photo_2")
    assert "failed: decode" in page.one("#scores").text
    assert "truncated file" in page.one("#scores").text
    facts = page.one("#facts").text
    assert "differs by up to 2 grey levels" in facts
    assert "encoding: png" in facts
    assert page.one("#position").text == "3 of 12"


def test_the_slider_clips_the_edited_image_from_the_keyboard_and_the_pointer(page, address):
    page.open(f"{address}#sample=cocoglide/photo_1")
    clip = "return getComputedStyle(document.querySelector('#stage img[alt=Edited]')).clipPath"
    assert page.run(clip) == "inset(0px 0px 0px 50%)"
    page.one("#slider").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.run(clip) == "inset(0px 0px 0px 52%)"
    assert page.title() == "photo_1"
    stage = page.one("#stage")
    ActionChains(page.driver).move_to_element_with_offset(stage, stage.size["width"] // 4, 0).click().perform()
    assert int(page.one("#slider").get_attribute("value")) in (74, 75, 76)
    page.press("b")
    assert page.one("#slider").get_attribute("value") == "0"
    page.one("#flip").click()
    assert page.one("#slider").get_attribute("value") == "100"


def test_overlays_are_switched_and_faded(page, address):
    page.open(f"{address}#sample=cocoglide/photo_1")
    shown = """return [...document.querySelectorAll('#stage .overlays img')]
        .filter((one) => !one.hidden).map((one) => one.alt)"""
    assert page.run(shown) == ["Truth, laid over"]
    page.one("#truth").click()
    assert page.run(shown) == []
    page.all("#scores .overlay")[1].click()
    assert page.run(shown) == ["Prediction of SSIM, laid over"]
    page.press("3")
    assert page.run(shown) == ["Prediction of MeanDiff, laid over"]
    assert [one.text for one in page.all("#scores [aria-pressed=true]")] == ["MeanDiff"]
    page.press("0", "t")
    assert page.run(shown) == ["Truth, laid over"]
    page.one("#opacity").send_keys(Keys.HOME)
    assert page.run("return document.querySelector('#stage .overlays').style.opacity") == "0"


def test_a_deep_link_is_followed_and_arrows_move_within_the_filter(page, address):
    page.open(f"{address}#sample=folder%3Amine/photo_10")
    page.until_title("photo_10")
    page.press(Keys.ARROW_RIGHT)
    page.until_title("photo_11")
    assert page.driver.current_url == f"{address}#sample=folder%3Amine/photo_11"
    assert not page.one("#next").is_enabled()
    page.press(Keys.ARROW_LEFT)
    page.until_title("photo_10")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.title() is False and page.driver.current_url == address)


def test_an_unknown_link_is_told(page, address):
    page.open(f"{address}#sample=cocoglide/nobody")
    assert "no sample “nobody” of the dataset “cocoglide”" in page.one("#sample-trouble").text
    page.open(f"{address}#sample=%E0%A4%A")
    assert "cannot be read" in page.one("#sample-trouble").text
    page.press(Keys.ESCAPE)
    page.until(lambda: page.title() is False)


def test_back_closes_a_sample_and_focus_returns_to_its_card(page, address):
    page.open(address)
    page.one(".card").send_keys(Keys.ENTER)
    page.until_title("photo_0")
    assert page.run("return document.getElementById('sample').contains(document.activeElement)")
    page.press(Keys.ARROW_RIGHT)
    page.until_title("photo_1")
    page.press(Keys.ESCAPE)
    focused = "return document.activeElement.querySelector?.('.card-id')?.textContent"
    page.until(lambda: page.run(focused) == "photo_1" and page.driver.current_url == address)
    page.one(".card").click()
    page.until_title("photo_0")
    page.driver.back()
    page.until(lambda: page.title() is False and page.driver.current_url == address)


def test_two_runs_are_compared_from_both_sides(page, address):
    page.open(address)
    row = "#comparison .comparison > div:first-of-type tbody tr:first-child td"
    assert page.texts(row)[0] == "−6.00"
    assert page.texts(row)[-1] == "excludes 0: PixDiff-Fixed(20) is higher"
    page.one("#run-swap").click()
    assert page.texts(row)[:2] == ["+6.00", "[2.00, 10.00]"]
    page.choose("#run-a", "PixDiff-Fixed(20), clean")
    page.choose("#run-b", "MeanDiff, clean")
    assert page.texts(row)[-1] == "includes 0: no difference shown"
    page.one("#comparison a").click()
    page.until_title("photo_3")


def test_hostile_texts_are_shown_as_text(page, hostile):
    page.open(hostile)
    assert page.texts("h1") == [HOSTILE]
    assert HOSTILE in page.ids()
    page.one("#run-table tbody th button").click()
    assert HOSTILE in page.texts("tr.detail li")
    page.choose("#find-order", "By id")
    card = next(one for one in page.all(".card") if "onerror" in one.text)
    page.run("arguments[0].click()", card)
    page.until_title(HOSTILE)
    shown = page.one("#facts").get_property("textContent") + page.one("#scores").get_property("textContent")
    assert shown.count(HOSTILE) >= 5
    assert LONG in shown
    page.driver.refresh()
    page.until_title(HOSTILE)
    assert page.run("return window.hacked") is None
    assert page.all("img[src='x']") == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["address", "hostile"])
def test_nothing_overflows_or_is_cut(page, request, kind, width):
    page.open(request.getfixturevalue(kind), width)
    page.one("#run-table tbody th button").click()
    page.until(lambda: page.run("return document.documentElement.scrollWidth <= innerWidth"))
    assert page.run(CUT) == []
    page.run("document.querySelector('.card').click()")
    page.until(lambda: page.title())
    page.until(
        lambda: page.run("const box = document.getElementById('sample'); return box.scrollWidth <= box.clientWidth")
    )
    assert page.run(CUT) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_in_both_schemes(page, address, scheme):
    page.open(address, scheme=scheme)
    page.one("#run-table tbody th button").click()
    ground = page.run("return getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(245, 246, 247)", "dark": "rgb(18, 21, 24)"}[scheme]
    assert page.run(CONTRAST) == []
    page.run("location.hash = 'sample=cocoglide/photo_2'")
    page.until_title("photo_2")
    assert page.run(CONTRAST) == []
    # Figures are drawn for white paper.
    assert (
        page.run("return getComputedStyle(document.querySelector('.paper-card')).backgroundColor")
        == "rgb(255, 255, 255)"
    )


def test_the_scheme_can_be_chosen(page, address):
    page.open(address, scheme="dark")
    page.one("#theme").click()
    assert page.one("#theme").text == "Theme: light"
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 247)"
    page.driver.refresh()
    assert page.one("#theme").text == "Theme: light"
    page.one("#theme").click()
    page.one("#theme").click()
    assert page.one("#theme").text == "Theme: system"


def test_every_control_has_a_name_and_the_skip_link_comes_first(page, address):
    page.open(f"{address}#sample=cocoglide/photo_1")
    nameless = page.run("""return [...document.querySelectorAll('input, select, button, a')].filter((one) => !(
        one.textContent.trim() && one.matches('button, a') || one.ariaLabel || one.labels?.length
        )).map((one) => one.outerHTML)""")
    assert nameless == []
    page.open(address)
    page.press(Keys.TAB)
    assert page.run("return document.activeElement.textContent") == "Skip to the results"
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_page_with_little_hides_what_it_lacks(page, tmp_path):
    data = make_data(2)
    data.update(figures=[], comparisons=[], results=[], notes=[])
    data["samples"] = {name: [] for name in data["samples"]}
    page.open(write_page(tmp_path / "numbers.html", data))
    hidden = [
        part
        for part in ("summary", "notes", "curves", "comparisons", "gallery")
        if not page.one(f"#{part}").is_displayed()
    ]
    assert hidden == ["notes", "curves", "comparisons", "gallery"]
    assert [one.text for one in page.all("#jumps a") if one.is_displayed()] == ["Summary"]


def test_missing_facts_and_pictures_are_told(page, tmp_path):
    data = make_data(2)
    for name in ("width", "height", "area", "outside", "instruction", "original", "edited", "mask"):
        data["samples"][name] = [None, None]
    data["samples"]["problem"] = ["the file is gone", "the dataset ships no original of this image"]
    data["samples"]["edited"][1] = make_data(2)["samples"]["edited"][1]
    for run in data["runs"]:
        run["summary"] = {"f1": None, "iou": None}
    address = write_page(tmp_path / "sparse.html", data)
    page.open(f"{address}#sample=cocoglide/photo_0")
    assert "the file is gone" in page.one("#stage").text
    page.press(Keys.ARROW_RIGHT)
    page.until_title("photo_1")
    assert page.one("#stage-note").text == "the dataset ships no original of this image"
    assert not page.one("#slider").is_displayed()


def test_a_page_without_its_data_says_so(chromium, tmp_path):
    address = write_folder(tmp_path, make_data(2))
    (tmp_path / "data.js").unlink()
    page = Page(chromium).open(address)
    assert "data is missing" in page.one("#trouble").text
    chromium.get_log("browser")


def test_twenty_thousand_samples_make_few_cards(page, tmp_path):
    data = make_data(20_000)
    page.open(write_folder(tmp_path, data))
    assert page.one("#find-count").text == "20,000 samples"
    assert 0 < len(page.all(".card")) <= 200
    page.run("document.getElementById('more').scrollIntoView()")
    page.until(lambda: len(page.all(".card")) > 60)
    assert len(page.all(".card")) <= 400
    page.type("#find-text", "photo_19999")
    page.until_ids(["photo_19999"])


def with_detectors(data, *indexes):
    """Let some runs be a detector's, with measures of its own."""
    for index in indexes:
        alarms = {"mean": 0.0125, "stderr": 0.001, "low": 0.01, "high": 0.02, "n": 6}
        data["runs"][index]["summary"]["false_alarms_authentic"] = alarms
        data["runs"][index]["kind"] = "detector"
    data["metrics"].append({"name": "false_alarms_authentic", "title": "False alarms"})
    return data


def test_a_detectors_measures_stand_beside_f1_and_the_page_speaks_of_detectors(page, tmp_path):
    page.open(write_page(tmp_path / "both.html", with_detectors(make_data(), 1)))
    heads = page.texts("#run-table thead th")
    assert heads[0] == "Annotator or detector"
    column = heads.index("False alarms") + 1
    cells = page.texts(f"#run-table tbody tr td:nth-child({column})")
    assert sorted(set(cells)) == ["1.25[1.0, 2.0]", "–"]
    assert page.texts("[data-words]")[0] == "Annotator or detector"
    page.open(write_page(tmp_path / "alone.html", with_detectors(make_data(), *range(7))))
    assert page.texts("#run-table thead th")[0] == "Detector"
    assert "Detectors disagree most" in page.texts("#find-order option")


def test_an_authentic_image_is_called_so_and_its_false_alarms_can_be_laid_over_it(page, tmp_path):
    data = with_detectors(make_data(2), 0)
    data["samples"]["scope"][0] = "authentic"
    data["samples"]["original"][0] = None
    page.open(f"{write_page(tmp_path / 'page.html', data)}#sample=cocoglide/photo_0")
    assert page.texts("#stage .corner") == ["Authentic"]
    assert "Outside the mask" not in page.texts("#facts dt")
    page.press("1")
    page.until(lambda: page.all("#stage .overlays img[alt^='Prediction of']"))
