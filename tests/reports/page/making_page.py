"""Pages with generated data and pictures, put together from the front end's files alone."""

import base64
import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

ASSETS = Path(__file__).parents[3] / "reports" / "page" / "assets"
ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
SIDE = 48
TRUTH, PREDICTION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
ANNOTATORS = (("pixdiff-20", "PixDiff-Fixed(20)"), ("ssim", "SSIM"), ("meandiff", "MeanDiff"))
DATASETS = (("cocoglide", "CocoGlide"), ("folder:mine", "My folder"))
HOSTILE = '</script><img src=x onerror="window.hacked=1"><!-- & \' \u202e${`'
LONG = "an_unbroken_name_" * 12


def encode(pixels, kind):
    """Pixels as a data: URI."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind.upper())
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def photograph(seed, edited):
    """A smooth picture; the edited one differs within the square that `square` marks."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] * 5 % 256
    pixels = np.stack([rows, columns, np.full_like(rows, seed * 37 % 256)], axis=-1).astype(np.uint8)
    if edited:
        pixels[square(0)] = 255 - pixels[square(0)]
    return encode(pixels, "webp")


def square(shift):
    """True within a square."""
    marked = np.zeros((SIDE, SIDE), bool)
    marked[12 + shift : 32 + shift, 12:32] = True
    return marked


def layer(marked, colour):
    """A PNG of one colour, opaque where marked."""
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[..., :3] = colour
    pixels[..., 3] = marked * 255
    return encode(pixels, "png")


def make_run(annotator, title, dataset, dataset_title, **changes):
    """A run's entry."""
    facts = {
        "annotator": annotator,
        "title": title,
        "dataset": dataset,
        "dataset_title": dataset_title,
        "perturbation": "",
        "severity": None,
        "target": "edited",
        "run_id": hashlib.sha256(f"{annotator} {dataset}".encode()).hexdigest()[:16],
        "threshold": 20 / 255,
        "composited": dataset == "cocoglide",
        "scored": 12,
        "failed": 0,
        "skipped": 0,
        "summary": {},
        "paper": {},
        "provenance": [f"command: imlbench annotate-eval --annotator {annotator}", "started: 2026-01-01"],
    }
    return {**facts, **changes}


def summary(mean):
    """Summaries of the two metrics."""
    entries = {"f1": mean, "iou": mean * 0.8}
    return {
        name: {"mean": value, "stderr": 0.01, "low": value - 0.02, "high": value + 0.02, "n": 12}
        for name, value in entries.items()
    }


def make_samples(count):
    """Columns of samples, half of them in each dataset; scores and tags follow the index."""
    half = (count + 1) // 2
    datasets = [DATASETS[index >= half][0] for index in range(count)]
    pictures = [[photograph(seed, edited) for seed in range(4)] for edited in (False, True)]
    truth = layer(square(0), TRUTH)
    return {
        "id": [f"photo_{index}" for index in range(count)],
        "dataset": datasets,
        "scope": ["local"] * count,
        "width": [512] * count,
        "height": [512] * count,
        "area": [(index + 1) / (count + 1) for index in range(count)],
        "outside": [index % 3 for index in range(count)],
        "instruction": [f"replace object {index}" if index % 2 else None for index in range(count)],
        "tags": [{"encoding": ("png", "jpeg")[index % 2]} for index in range(count)],
        "notes": [[] for _ in range(count)],
        "original": [pictures[0][index % 4] for index in range(count)],
        "edited": [pictures[1][index % 4] for index in range(count)],
        "mask": [truth] * count,
        "problem": [""] * count,
    }


def make_results(run, indexes, count, shift):
    """One run's results: F1 grows with the index and is lower for a larger shift."""
    scores = [round((index + 0.5) / count * (1 - shift / 20), 4) for index in indexes]
    size = len(indexes)
    return {
        "run": run,
        "sample": indexes,
        "status": ["ok"] * size,
        "reason": [""] * size,
        "message": [""] * size,
        "values": {"f1": scores, "iou": [round(score * 0.8, 4) for score in scores]},
        "map": [layer(square(shift), PREDICTION)] * size,
        "map_problem": [""] * size,
    }


def make_data(count=12):
    """A page's data: three annotators on two datasets, a perturbed run, a figure and comparisons."""
    samples = make_samples(count)
    runs, results = [], []
    for label, label_title in DATASETS:
        indexes = [index for index, dataset in enumerate(samples["dataset"]) if dataset == label]
        for shift, (annotator, title) in enumerate(ANNOTATORS):
            results.append(make_results(len(runs), indexes, count, shift * 4))
            mean = 0.8 - shift / 10 - len(runs) / 100
            runs.append(make_run(annotator, title, label, label_title, summary=summary(mean)))
    runs[0]["paper"] = {"f1": 66.7}
    jpeg = {"perturbation": "jpeg", "severity": 70, "run_id": "feed" * 4}
    runs.append(make_run(*ANNOTATORS[0], *DATASETS[0], summary=summary(0.4), **jpeg))
    return {
        "format": 1,
        "title": "Two datasets",
        "software": "imlbench 0.1.0",
        "notes": ["Conventions: empty=one.", "Warning: few samples."],
        "metrics": [{"name": "f1", "title": "F1"}, {"name": "iou", "title": "IoU"}],
        "runs": runs,
        "figures": [{"title": "F1 against JPEG quality", "caption": "Mean F1.", "src": photograph(1, False)}],
        "comparisons": [compare(0, 1, -0.1, -0.02), compare(0, 2, -0.1, 0.02)],
        "samples": samples,
        "results": results,
    }


def compare(a, b, low, high):
    """A comparison's entry."""
    entry = {"difference": (low + high) / 2, "low": low, "high": high}
    changed = [{"sample": 3, "a": 0.9, "b": 0.1}, {"sample": 1, "a": 0.2, "b": 0.6}]
    return {"a": a, "b": b, "n": 6, "metrics": {"f1": entry, "iou": entry}, "changed": changed}


def fail_sample(data, index, status="failed", reason="decode", message="truncated file"):
    """Let the first run that holds a sample say that it has no score."""
    result = next(result for result in data["results"] if index in result["sample"])
    row = result["sample"].index(index)
    result["status"][row], result["reason"][row], result["message"][row] = status, reason, message
    result["map"][row] = None
    for values in result["values"].values():
        values[row] = None


def make_hostile(data):
    """Put markup, and names without a space, wherever a text of anybody's may stand."""
    for column in ("id", "instruction"):
        data["samples"][column][0] = HOSTILE
        data["samples"][column][1] = LONG
    data["samples"]["tags"][0] = {HOSTILE: HOSTILE, "constructor": LONG}
    data["samples"]["notes"][0] = [HOSTILE]
    data["samples"]["problem"][0] = HOSTILE
    data["title"] = data["software"] = HOSTILE
    data["notes"] += [HOSTILE, LONG]
    data["figures"][0].update(title=HOSTILE, caption=HOSTILE)
    data["runs"][0].update(title=HOSTILE, dataset_title=LONG, provenance=[HOSTILE, LONG])
    fail_sample(data, 0, "failed", HOSTILE, HOSTILE)
    return data


def data_script(data):
    """The statement that hands the data over."""
    return f"window.IMLBENCH_DATA = {json.dumps(data).translate(ESCAPED)};"


def page_text(block):
    """The page around a script element that holds or names the data."""
    page, style, script = ((ASSETS / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    blocks = {
        "<!--STYLE-->": f"<style>{style}</style>",
        "<!--DATA-->": block,
        "<!--SCRIPT-->": f"<script>{script}</script>",
    }
    for marker, text in blocks.items():
        assert page.count(marker) == 1, marker
        page = page.replace(marker, text)
    return page


def write_page(path, data):
    """A page in one file; its address."""
    path.write_text(page_text(f"<script>{data_script(data)}</script>"), encoding="utf-8")
    return path.as_uri()


def write_folder(folder, data):
    """A page with its data beside it; its address."""
    (folder / "data.js").write_text(data_script(data), encoding="utf-8")
    page = folder / "index.html"
    page.write_text(page_text('<script src="data.js"></script>'), encoding="utf-8")
    return page.as_uri()
