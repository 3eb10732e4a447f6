"""How long the page of a large gallery takes from navigation to its first card, in a headless Chromium."""

from __future__ import annotations

import math
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.table import Row, print_table
from reports.page import writing
from reports.page.thumbnails import mask_picture, photograph

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

SAMPLES = 20_000
ANNOTATORS = 10
DISTINCT = 120
"""Different pictures of each kind: more than a first screen shows."""
SIDE = 512
PICTURES = "pictures"
DATA_FILE = "data.js"
REPEATS = 7
TARGET = 2.0
PATIENCE = 60
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900")
# Runs before the page: waits for the first card whose picture is decoded, and for the frame that shows it.
WATCH = """
new MutationObserver((_, observer) => {
  const image = document.querySelector(".card img");
  if (!image) return;
  observer.disconnect();
  image.decode().then(() => requestAnimationFrame(() => { window.firstCard = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


def make_pictures(folder: Path) -> None:
    """Photographs, masks and score maps at the size that a page in a folder has."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for index in range(DISTINCT):
        coarse = rng.integers(0, 256, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
        pixels = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
        mask = np.zeros((SIDE, SIDE), bool)
        mask[100 : 200 + index, 150:350] = True
        (folder / f"{index:05}e.webp").write_bytes(photograph(pixels, SIDE))
        (folder / f"{index:05}m.png").write_bytes(mask_picture(mask, SIDE))


def address(index: int, suffix: str) -> str:
    """Of a sample's picture, from the page."""
    return f"{PICTURES}/{index % DISTINCT:05}{suffix}"


def make_samples() -> dict[str, list[Any]]:
    """The columns of the samples."""
    everyone = range(SAMPLES)
    return {
        "id": [f"sample_{index:06}" for index in everyone],
        "dataset": ["bench"] * SAMPLES,
        "scope": ["local"] * SAMPLES,
        "width": [SIDE] * SAMPLES,
        "height": [SIDE] * SAMPLES,
        "area": [(index % 997) / 997 for index in everyone],
        "outside": [index % 50 for index in everyone],
        "instruction": [f"replace the object numbered {index} by another one of its size" for index in everyone],
        "tags": [{"encoding": ("png", "jpeg")[index % 2], "operation": "replace"} for index in everyone],
        "notes": [[] for _ in everyone],
        "original": [address(index, "e.webp") for index in everyone],
        "edited": [address(index, "e.webp") for index in everyone],
        "mask": [address(index, "m.png") for index in everyone],
        "problem": [""] * SAMPLES,
    }


def make_result(run: int) -> dict[str, Any]:
    """The columns of one run's results."""
    scores = [round(value, 4) for value in np.random.default_rng(run).random(SAMPLES).tolist()]
    return {
        "run": run,
        "sample": list(range(SAMPLES)),
        "status": ["ok"] * SAMPLES,
        "reason": [""] * SAMPLES,
        "message": [""] * SAMPLES,
        "values": {"f1": scores, "iou": scores},
        "map": [address(index, "m.png") for index in range(SAMPLES)],
        "map_problem": [""] * SAMPLES,
    }


def make_run(number: int) -> dict[str, Any]:
    """One run's facts."""
    summary = {"mean": 0.5, "stderr": 0.002, "low": 0.496, "high": 0.504, "n": SAMPLES}
    return {
        "annotator": f"annotator-{number}",
        "title": f"Annotator {number}",
        "dataset": "bench",
        "dataset_title": "Bench",
        "perturbation": "",
        "severity": None,
        "target": "edited",
        "run_id": f"{number:016x}",
        "threshold": 0.5,
        "composited": False,
        "scored": SAMPLES,
        "failed": 0,
        "skipped": 0,
        "summary": {"f1": summary, "iou": summary},
        "paper": {},
        "provenance": ["a made page"],
    }


def make_page(folder: Path) -> Path:
    """The page in a folder, with its data and pictures beside it."""
    data = {
        "format": 1,
        "title": "Bench",
        "software": "imlbench",
        "notes": [],
        "metrics": [{"name": "f1", "title": "F1"}, {"name": "iou", "title": "IoU"}],
        "runs": [make_run(number) for number in range(ANNOTATORS)],
        "figures": [],
        "comparisons": [],
        "samples": make_samples(),
        "results": [make_result(number) for number in range(ANNOTATORS)],
    }
    make_pictures(folder / PICTURES)
    (folder / DATA_FILE).write_text(writing.data_script(data), encoding="utf-8")
    page = folder / "index.html"
    page.write_text(writing.page_text(writing.linked_block(DATA_FILE)), encoding="utf-8")
    return page


@contextmanager
def browser(chromium: str, chromedriver: str) -> Iterator[WebDriver]:
    """A headless Chromium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


def seconds_to_first_card(driver: WebDriver, page: Path) -> float:
    """From the start of navigation until the first card is shown with its picture."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get("about:blank")
    driver.get(page.as_uri())
    shown = WebDriverWait(driver, PATIENCE).until(lambda _: driver.execute_script("return window.firstCard"))
    return float(shown) / 1000


def run() -> list[Row]:
    """Median over several openings, after one that is not counted."""
    name, target = f"page of {SAMPLES:,} samples, first card, s", f"under {TARGET:g} s"
    found = [shutil.which(program) for program in ("chromium", "chromedriver")]
    if None in found:
        return [Row(name, math.nan, target, False, "not measured: chromium and chromedriver are not installed")]
    with tempfile.TemporaryDirectory() as folder, browser(*map(str, found)) as driver:
        page = make_page(Path(folder))
        megabytes = (page.parent / DATA_FILE).stat().st_size / 1e6
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        times = [seconds_to_first_card(driver, page) for _ in range(REPEATS + 1)][1:]
        cards = len(driver.find_elements("css selector", ".card"))
        version = driver.capabilities["browserVersion"]
    measured = statistics.median(times)
    detail = (
        f"{ANNOTATORS} annotators, {megabytes:.0f} MB of data, {cards} cards; {REPEATS} openings from "
        f"{min(times):.2f} to {max(times):.2f} s; Chromium {version}"
    )
    return [Row(name, measured, target, measured < TARGET, detail)]


if __name__ == "__main__":
    print_table(run())
