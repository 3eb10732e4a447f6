# Two commands: `make demo` and `make test`. Each sets up .venv by itself; needs Python 3.11 or newer, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := demo
IMLBENCH := $(BIN)/imlbench

export HF_HUB_OFFLINE := 1

.PHONY: demo demo-corpus demo-study test check test-shared bench pictures format clean help

help:            ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

demo: $(STAMP)   ## annotate the embedded demo set with sigma-lite and the pixel differences, print the table
	$(IMLBENCH) annotate-eval --dataset demo --data-root $(DEMO)/data --annotator 'pixdiff-*' --annotator ssim \
	    --annotator meandiff --out $(DEMO)/results
# The page computes the others' maps anew; a network's it shows where they were kept.
	$(IMLBENCH) annotate-eval --dataset demo --data-root $(DEMO)/data --annotator sigma-lite --save-maps \
	    --out $(DEMO)/results
	$(IMLBENCH) annotate $(DEMO)/data/original/coffee.png $(DEMO)/data/edited/coffee-removal-reencoded.jpg \
	    "remove the handle of the cup" \
	    -o $(DEMO)/mask.png --overlay $(DEMO)/overlay.png
	$(IMLBENCH) robustness --dataset demo --data-root $(DEMO)/data --perturb jpeg \
	    --annotator sigma-lite --annotator 'pixdiff-*' --out $(DEMO)/results
	$(IMLBENCH) report slices --results $(DEMO)/results --by encoding -o $(DEMO)/by-encoding.md
	$(IMLBENCH) report robustness --results $(DEMO)/results -o $(DEMO)/robustness.png
	$(IMLBENCH) report html --results $(DEMO)/results -o $(DEMO)/page.html
	$(IMLBENCH) report sweep --results $(DEMO)/results -o $(DEMO)/sweep.png
	$(IMLBENCH) datasets inspect demo --root $(DEMO)/data -o $(DEMO)/samples.png
	$(IMLBENCH) report table1 --results $(DEMO)/results -o $(DEMO)/table1.md
	$(IMLBENCH) report table1 --results $(DEMO)/results
	@echo
	@echo "The files are in $(DEMO)/:"
	@echo "  data/           the demo set: original, edited, mask, instructions"
	@echo "  samples.png     twelve of its samples, to look at"
	@echo "  results/        results.db: the counts that every number comes from"
	@echo "  table1.md       the table above"
	@echo "  by-encoding.md  the same numbers, composited and re-encoded edits apart"
	@echo "  sweep.png       F1 of the pixel difference against its threshold"
	@echo "  robustness.png  F1 under JPEG compression"
	@echo "  overlay.png     one edited image with what sigma-lite marks in it; mask.png is the mask"
	@echo "  page.html       all of this and every sample, to open in a browser"

CORPUS   = $(DEMO)/corpus
ENGINES ?= local ray
PAIRS   ?= 200
ANNOTATE = $(IMLBENCH) annotate-corpus anyedit --root $(CORPUS)/anyedit --annotator sigma-lite \
	    --shard-size 10 --workers 2

demo-corpus: $(STAMP)  ## a corpus of 200 pairs: annotate with both engines, kill one, resume, compare, export, report
	$(IMLBENCH) datasets inspect demo --root $(DEMO)/data -o $(DEMO)/samples.png
	rm -rf $(CORPUS)
	$(IMLBENCH) synth --photos $(DEMO)/data/original --out $(CORPUS)/pairs --count $(PAIRS) --side 256
	$(IMLBENCH) corpus from-synth $(CORPUS)/pairs -o $(CORPUS)/anyedit
	@echo "One driver is killed as soon as three shards are done ..."
	@$(ANNOTATE) --engine local -o $(CORPUS)/local & driver=$$!; \
	    until [ "$$(ls $(CORPUS)/local/shards/*[0-9].json 2>/dev/null | wc -l)" -ge 3 ]; do \
	        kill -0 $$driver 2>/dev/null || { echo "it ended before it could be killed"; exit 1; }; sleep 0.1; done; \
	    kill -KILL $$driver; wait $$driver; test $$? -eq 137
	$(IMLBENCH) corpus status $(CORPUS)/local
	@echo "... and goes on where it was:"
	set -e; for engine in $(ENGINES); do $(ANNOTATE) --engine $$engine -o $(CORPUS)/$$engine; done
	set -e; for engine in $(ENGINES); do \
	    diff -r --exclude='*.timing.json' --exclude=summary.json --exclude=lock $(CORPUS)/local $(CORPUS)/$$engine; done
	@echo "The same bytes, killed or not: $(ENGINES)"
	$(IMLBENCH) export $(CORPUS)/local --format folder --validation 0.2 --authentic 0.5 -o $(CORPUS)/training
	$(IMLBENCH) report corpus $(CORPUS)/local -o $(CORPUS)/report
	@echo
	@echo "The folders are in $(CORPUS)/:"
	@echo "  pairs/          synthesised pairs, whose masks the annotation does not see"
	@echo "  anyedit/        the corpus: the same pairs as Parquet files in AnyEdit's layout"
	@echo "  local/ ray/     the annotation by each engine: a row and a mask for each pair"
	@echo "  training/       a training set of what was kept, README.md is its card"
	@echo "  report/         index.html: counts, distributions, rejections, samples, to open in a browser"

STUDY = $(DEMO)/study

demo-study: $(STAMP)  ## which annotator's masks make the better detector: Table 2 and a curve, in about five minutes
	$(IMLBENCH) datasets inspect demo --root $(DEMO)/data -o $(DEMO)/samples.png
	rm -rf $(STUDY)
	$(IMLBENCH) synth --photos $(DEMO)/data/original --out $(STUDY)/pairs --count 160 --side 192 \
	    --recipe docs/study.toml
	$(IMLBENCH) study --annotator pixdiff-morph --annotator sigma-lite --annotator exact --detector tiny-unet \
	    --corpus $(STUDY)/pairs --eval held-out --init scratch --config demo --pairs 40 --pairs 0 --seeds 2 \
	    --quality 0 --cpu --out $(STUDY)/run
	$(IMLBENCH) report data-curve $(STUDY)/run -o $(STUDY)/curve.png
	$(IMLBENCH) report table2 $(STUDY)/run -o $(STUDY)/table2.md
	$(IMLBENCH) report table2 $(STUDY)/run
	@echo
	@echo "The files are in $(STUDY)/: table2.md, curve.png (F1 against the number of pairs), run/ (every step)"

test: $(STAMP)   ## the tests that need no private data and no network
	$(BIN)/pytest -n auto --dist loadgroup -m "not shared"

test-shared: $(STAMP)  ## the tests on private data in ../shared/data
	$(BIN)/pytest -m shared -rs

check: $(STAMP)  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## speed and memory, as ratios within one run
	$(BIN)/python -m benchmarks

pictures: demo   ## the pictures of the documentation; needs Chromium
	$(IMLBENCH) robustness --dataset demo --data-root $(DEMO)/data --preset sigma --out $(DEMO)/pictures \
	    --annotator pixdiff-10 --annotator pixdiff-40 --annotator pixdiff-morph --annotator pixdiff-otsu --annotator pixdiff-exact
	$(IMLBENCH) report robustness --results $(DEMO)/pictures -o docs/images/robustness.png
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,900 --virtual-time-budget=5000 \
	    --screenshot=docs/images/page.png "file://$(CURDIR)/$(DEMO)/page.html#sample=demo/coffee-removal-reencoded"

format: $(STAMP) ## bring the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:           ## remove what demo and test made, the environment included
	rm -rf $(VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "imlbench needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (PyTorch and others, several GB: some minutes) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)
