"use strict";
/*
 * The page's script. It reads window.IMLBENCH_DATA and builds everything with createElement and textContent: no text of
 * the data ever becomes markup. Parts, in order: small tools; sortable tables; the model; summary; notes and figures;
 * comparisons; gallery; sample view; start.
 */
(() => {
  const DATA = window.IMLBENCH_DATA;
  const PAGE = 60;
  const NONE = "–";
  const MOST_VALUES = 500;
  const SAMPLE_LINK = "#sample=";

  // --- Small tools ---------------------------------------------------------------------------------------------------

  const byId = (id) => document.getElementById(id);

  /** An element; `facts` are its properties, with `attributes` and `on` (listeners) apart; children are nodes or text. */
  function make(name, facts = {}, ...children) {
    const { attributes = {}, on = {}, ...properties } = facts;
    const element = Object.assign(document.createElement(name), properties);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    for (const [key, listener] of Object.entries(on)) element.addEventListener(key, listener);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
  const list = (value) => (Array.isArray(value) ? value : []);
  const unique = (values) => [...new Set(values)];
  const compareNaturally = new Intl.Collator("en", { numeric: true }).compare;
  const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  const signed = (text) => text.replace("-", "−");
  const percent = (value, digits = 2) => (isNumber(value) ? signed((100 * value).toFixed(digits)) : NONE);
  /** A difference with its sign; what rounds to nothing is +0.00. */
  const points = (value) => {
    if (!isNumber(value)) return NONE;
    const text = (100 * value).toFixed(2);
    return Number(text) < 0 ? signed(text) : `+${text.replace("-", "")}`;
  };
  const interval = (entry, digits = 2) => `[${percent(entry.low, digits)}, ${percent(entry.high, digits)}]`;

  /** Text to be joined with others: one that changes the direction of writing must not change theirs. */
  const apart = (text) => (/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text) ? `\u2068${text}\u2069` : text);

  /** Fill a select with [value, text] pairs; the chosen value stays where it is still offered. */
  function fill(select, pairs) {
    const kept = select.value;
    select.replaceChildren(...pairs.map(([value, text]) => make("option", { value, textContent: text })));
    if (pairs.some(([value]) => String(value) === kept)) select.value = kept;
  }

  /** Call after a pause in the calls. */
  function paused(action, milliseconds = 120) {
    let timer = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(action, milliseconds);
    };
  }

  /** A picture that says so where its file is missing. */
  function picture(source, alt, onMissing) {
    const image = make("img", { alt, loading: "lazy", decoding: "async", draggable: false });
    image.addEventListener("error", () => {
      image.remove();
      onMissing();
    });
    image.src = source;
    return image;
  }

  /** A box that scrolls sideways where it must, and then says so; reachable by keyboard only then. */
  function scrolling(box, label) {
    const cue = make("p", { className: "table-cue", textContent: "Wider than the screen: scroll sideways →" });
    const outer = make("div", {}, cue, box);
    new ResizeObserver(() => {
      const over = box.scrollWidth > box.clientWidth + 1;
      outer.classList.toggle("overflows", over);
      if (over) Object.entries({ tabindex: "0", role: "region", "aria-label": label }).forEach(([k, v]) => box.setAttribute(k, v));
      else ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
    }).observe(box);
    return outer;
  }

  // --- Sortable tables -----------------------------------------------------------------------------------------------

  /**
   * A table whose headers sort it.
   *
   * A column: {title, key(row) -> number | string | null, cell(row) -> node | text, number, head}. Values that are
   * missing come last in both directions. `detail(row)`, where given, makes what a row opens.
   */
  function makeTable({ caption, columns, rows, detail = null, sorted = null }) {
    const state = { rows, column: sorted ? sorted.column : -1, descending: Boolean(sorted && sorted.descending) };
    const open = new Set();
    const body = make("tbody");
    const heads = columns.map((column, at) => {
      if (!column.key) return make("th", { scope: "col", className: column.number ? "number" : "", textContent: column.title });
      const button = make("button", { type: "button", textContent: column.title, on: { click: () => sortBy(at) } });
      return make("th", { scope: "col", className: column.number ? "sorts number" : "sorts" }, button);
    });
    const head = make("thead", {}, make("tr", {}, ...heads));
    // Roles are named because narrow screens show tables as blocks, which would take the roles away.
    const table = make("table", { role: "table" }, make("caption", { textContent: caption }), head, body);
    for (const cell of heads) cell.role = "columnheader";

    function sortBy(at) {
      state.descending = state.column === at ? !state.descending : Boolean(columns[at].number);
      state.column = at;
      draw();
    }

    function ordered() {
      if (state.column < 0) return state.rows;
      const keyed = state.rows.map((row) => [columns[state.column].key(row), row]);
      const sign = state.descending ? -1 : 1;
      const missing = (key) => key === null || key === undefined || Number.isNaN(key);
      keyed.sort(([a], [b]) => {
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return sign * (typeof a === "string" ? compareNaturally(a, b) : a - b);
      });
      return keyed.map(([, row]) => row);
    }

    function drawRow(row) {
      const line = make("tr", { role: "row" });
      line.append(...columns.map((column) => {
        const content = column.cell(row);
        if (column.head) return make("th", { scope: "row", role: "rowheader" }, content);
        const kind = `${column.number ? "number" : ""} ${column.whole ? "whole" : ""} ${content === NONE ? "none" : ""}`;
        return make("td", { role: "cell", className: kind.trim(), attributes: { "data-title": column.title } }, content);
      }));
      if (!detail) return [line];
      return [line, ...withDetail(line, row)];
    }

    function withDetail(line, row) {
      const shown = open.has(row);
      const title = line.querySelector("th");
      const button = make("button", { type: "button", attributes: { "aria-expanded": String(shown) } });
      button.append(...title.childNodes);
      title.replaceChildren(button);
      line.className = "opens";
      line.addEventListener("click", (event) => {
        if (event.target.closest("a") || String(window.getSelection())) return;
        if (!open.delete(row)) open.add(row);
        draw(row);
      });
      if (!shown) return [];
      const cell = make("td", { colSpan: columns.length }, detail(row));
      return [make("tr", { className: "detail" }, cell)];
    }

    function draw(focused = null) {
      heads.forEach((cell, at) => {
        if (at === state.column) cell.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
        else cell.removeAttribute("aria-sort");
      });
      const drawn = ordered().map((row) => [row, drawRow(row)]);
      body.replaceChildren(...drawn.flatMap(([, lines]) => lines));
      const at = drawn.find(([row]) => row === focused);
      if (at) at[1][0].querySelector("th button").focus({ preventScroll: true });
    }

    draw();
    const box = make("div", { className: "table-box" }, table);
    return {
      element: scrolling(box, caption),
      show(shown) {
        state.rows = shown;
        draw();
      },
    };
  }

  // --- The model -----------------------------------------------------------------------------------------------------

  /** What a run was done to, in words. */
  function conditionOf(run) {
    if (!run.perturbation) return "clean";
    const severity = isNumber(run.severity) ? ` ${run.severity}` : "";
    return `${run.perturbation}${severity}${run.target === "both" ? ", both images" : ""}`;
  }

  /** What the page's runs are of: in a title, of one with its article, of several. */
  const ADAPTERS = {
    annotator: { title: "Annotator", one: "an annotator", several: "Annotators" },
    detector: { title: "Detector", one: "a detector", several: "Detectors" },
    both: { title: "Annotator or detector", one: "an annotator or a detector", several: "Annotators and detectors" },
  };

  function wordsFor(runs) {
    const detectors = runs.filter((run) => run.kind === "detector").length;
    return ADAPTERS[detectors === 0 ? "annotator" : detectors === runs.length ? "detector" : "both"];
  }

  /** Samples, and the lines: an annotator or a detector under one condition, over all datasets. */
  function makeModel(data) {
    const runs = list(data.runs);
    const metrics = list(data.metrics);
    const samples = data.samples || {};
    const size = list(samples.id).length;
    const titles = new Map(metrics.map((metric) => [metric.name, metric.title]));
    const results = list(data.results).filter((result) => runs[result.run]);
    const lines = makeLines(runs, results, size);
    const scored = unique(results.flatMap((result) => Object.keys(result.values || {})));
    const datasetTitles = new Map(runs.map((run) => [run.dataset, run.dataset_title || run.dataset]));
    const columns = new Map();
    let places = null;

    /** A value per sample, NaN where there is none, computed once. */
    function column(key, compute) {
      if (!columns.has(key)) columns.set(key, Float64Array.from({ length: size }, (_, index) => compute(index)));
      return columns.get(key);
    }

    /** All values of a sample, one per line that has one. */
    function valuesOf(index, metric) {
      return lines.map((line) => line.value(index, metric)).filter(isNumber);
    }

    return {
      runs, metrics, samples, size, lines, scored,
      words: wordsFor(runs),
      title: (name) => titles.get(name) || name,
      dataset: (name) => datasetTitles.get(name) || name,
      datasets: unique(list(samples.dataset)),
      composited: new Set(runs.filter((run) => run.composited).map((run) => run.dataset)),
      /** Scores of a line, or the mean over all lines. */
      scores(line, metric) {
        if (line) return column(`${metric} ${lines.indexOf(line)}`, (index) => line.value(index, metric) ?? NaN);
        return column(metric, (index) => {
          const values = valuesOf(index, metric);
          return values.reduce((sum, value) => sum + value, 0) / values.length;
        });
      },
      spread: (metric) => column(`spread ${metric}`, (index) => {
        const values = valuesOf(index, metric);
        return values.length > 1 ? Math.max(...values) - Math.min(...values) : NaN;
      }),
      link: (index) => SAMPLE_LINK + [samples.dataset[index], samples.id[index]].map(encodeURIComponent).join("/"),
      find(dataset, id) {
        places ??= new Map(samples.id.map((name, index) => [JSON.stringify([samples.dataset[index], name]), index]));
        return places.get(JSON.stringify([dataset, id])) ?? -1;
      },
    };
  }

  /** Join the results of one annotator or detector and condition over datasets; a second run on the same dataset is another line. */
  function makeLines(runs, results, size) {
    const lines = new Map();
    for (const result of results) {
      const run = runs[result.run];
      const condition = conditionOf(run);
      let key = JSON.stringify([run.kind || "annotator", run.annotator, condition]);
      let label = (run.title || run.annotator) + (condition === "clean" ? "" : `, ${condition}`);
      if (lines.has(key) && lines.get(key).byDataset.has(run.dataset)) {
        key += run.run_id;
        label += ` (${run.run_id})`;
      }
      if (!lines.has(key)) lines.set(key, makeLine(label, size));
      lines.get(key).add(run, result);
    }
    return [...lines.values()];
  }

  function makeLine(label, size) {
    const where = new Int32Array(size).fill(-1);
    const parts = [];
    const which = new Int16Array(size);
    const line = {
      label,
      byDataset: new Map(),
      add(run, result) {
        line.byDataset.set(run.dataset, run);
        result.sample.forEach((sample, row) => {
          where[sample] = row;
          which[sample] = parts.length;
        });
        parts.push(result);
      },
      has: (index) => where[index] >= 0,
      get: (index, name) => (where[index] < 0 ? null : parts[which[index]][name]?.[where[index]] ?? null),
      value(index, metric) {
        if (where[index] < 0) return null;
        const value = parts[which[index]].values?.[metric]?.[where[index]];
        return isNumber(value) ? value : null;
      },
    };
    return line;
  }

  // --- Summary -------------------------------------------------------------------------------------------------------

  function startSummary(model, gallery) {
    if (!model.runs.length) return;
    const table = makeTable({
      caption: "Runs",
      columns: runColumns(model),
      rows: model.runs,
      detail: (run) => runDetail(model, run, gallery),
    });
    byId("run-table").append(table.element);
    const text = byId("run-text");
    const dataset = byId("run-dataset");
    const condition = byId("run-condition");
    const datasets = unique(model.runs.map((run) => run.dataset));
    const perturbations = unique(model.runs.map((run) => run.perturbation || "")).sort(compareNaturally);
    fill(dataset, [["", "All"], ...datasets.map((name) => [`=${name}`, model.dataset(name)])]);
    fill(condition, [["", "All"], ...perturbations.map((name) => [`=${name}`, name || "clean"])]);
    // A sweep's many rows must not bury the ones that most people come for.
    const clean = model.runs.filter((run) => !run.perturbation).length;
    if (clean && clean < model.runs.length / 2) condition.value = "=";
    const haystack = new Map(model.runs.map((run) => [run, [
      run.annotator, run.title, run.dataset, run.dataset_title, conditionOf(run), run.run_id].join(" ").toLowerCase()]));

    function show() {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = model.runs.filter((run) =>
        words.every((word) => haystack.get(run).includes(word)) &&
        (!dataset.value || dataset.value === `=${run.dataset}`) &&
        (!condition.value || condition.value === `=${run.perturbation || ""}`));
      table.show(shown);
      const all = model.runs.length;
      byId("run-count").textContent = shown.length === all ? count(all, "run") : `${shown.length} of ${count(all, "run")}`;
    }

    text.addEventListener("input", paused(show));
    dataset.addEventListener("change", show);
    condition.addEventListener("change", show);
    byId("summary-controls").addEventListener("submit", (event) => event.preventDefault());
    byId("dagger").hidden = model.composited.size === 0;
    byId("summary").hidden = false;
    show();
  }

  function runColumns(model) {
    const shownMetrics = model.metrics.filter((metric) => model.runs.some((run) => run.summary?.[metric.name]));
    const perturbed = model.runs.some((run) => run.perturbation);
    const columns = [
      { title: model.words.title, head: true, key: (run) => run.title || run.annotator, cell: (run) => run.title || run.annotator },
      { title: "Dataset", key: (run) => model.dataset(run.dataset), cell: (run) => datasetCell(model, run) },
    ];
    if (perturbed) columns.push({ title: "Condition", key: conditionOf, cell: conditionOf });
    for (const [title, name] of [["n", "scored"], ["Failed", "failed"], ["Skipped", "skipped"]]) {
      if (name !== "scored" && !model.runs.some((run) => run[name])) continue;
      columns.push({ title, number: true, key: (run) => run[name] ?? null, cell: (run) => countCell(run[name]) });
    }
    for (const { name, title } of shownMetrics) {
      columns.push({ title, number: true, key: (run) => run.summary?.[name]?.mean ?? null, cell: (run) => scoreCell(run.summary?.[name]) });
      if (!model.runs.some((run) => isNumber(run.paper?.[name]))) continue;
      columns.push({ title: `Paper ${title}`, number: true, key: (run) => run.paper?.[name] ?? null, cell: (run) => paperCell(run, name) });
    }
    return columns;
  }

  const countCell = (value) => (isNumber(value) ? value.toLocaleString("en") : NONE);

  function datasetCell(model, run) {
    const cell = make("span", { textContent: model.dataset(run.dataset) });
    if (run.composited) cell.append(make("span", { className: "dagger", title: "composited", textContent: "\u00a0†" }));
    return cell;
  }

  function scoreCell(entry) {
    if (!entry) return NONE;
    const cell = make("span", { textContent: percent(entry.mean) });
    if (isNumber(entry.low) && isNumber(entry.high)) cell.append(make("small", { textContent: interval(entry, 1) }));
    return cell;
  }

  /** The published number, and ours minus it. */
  function paperCell(run, name) {
    const published = run.paper?.[name];
    if (!isNumber(published)) return NONE;
    const cell = make("span", { textContent: signed(published.toFixed(2)) });
    const ours = run.summary?.[name]?.mean;
    if (isNumber(ours)) cell.append(make("small", { textContent: `ours ${points(ours - published / 100)}` }));
    return cell;
  }

  /** What a run was computed with, and its numbers in full. */
  function runDetail(model, run, gallery) {
    const box = make("div", { className: "detail-box" });
    const measures = model.metrics.filter((metric) => run.summary?.[metric.name]).map(({ name, title }) => {
      const entry = run.summary[name];
      const error = isNumber(entry.stderr) ? ` ± ${percent(entry.stderr)}` : "";
      const range = isNumber(entry.low) ? ` ${interval(entry)}` : "";
      return make("li", { textContent: `${title} ${percent(entry.mean)}${error}${range}, n = ${countCell(entry.n)}` });
    });
    box.append(make("ul", { className: "measures" }, ...measures));
    const lines = list(run.provenance);
    box.append(make("ul", {}, ...(lines.length ? lines : [`run ${run.run_id}`]).map((line) => make("li", { textContent: line }))));
    const line = model.lines.find((candidate) => candidate.byDataset.get(run.dataset) === run);
    if (line) {
      const show = () => gallery.narrow(run.dataset, line);
      box.append(make("p", {}, make("a", { href: "#gallery", textContent: "Its samples in the gallery", on: { click: show } })));
    }
    return box;
  }

  // --- Notes and figures ---------------------------------------------------------------------------------------------

  function startNotes(notes) {
    const items = notes.map((note) => make("li", { textContent: note, className: /^warning/i.test(note) ? "warn" : "" }));
    byId("note-list").append(...items);
    byId("notes").hidden = notes.length === 0;
  }

  function startFigures(figures) {
    for (const figure of figures) {
      const card = make("div", { className: "paper-card" });
      const lost = () => card.append(make("p", { textContent: "This figure's file is missing." }));
      card.append(picture(figure.src, `${figure.title}. ${figure.caption}`, lost));
      const caption = make("figcaption", { className: "quiet", textContent: figure.caption });
      byId("figures").append(make("figure", {}, make("h3", { textContent: figure.title }), scrolling(card, figure.title), caption));
    }
    byId("curves").hidden = figures.length === 0;
  }

  // --- Comparisons ---------------------------------------------------------------------------------------------------

  function startComparisons(model, entries) {
    const known = entries.filter((entry) => model.runs[entry.a] && model.runs[entry.b]);
    if (!known.length) return;
    const first = byId("run-a");
    const second = byId("run-b");
    const partners = (a) => unique(known.flatMap((one) => (one.a === a ? [one.b] : one.b === a ? [one.a] : [])));
    const label = (at) => `${apart(model.runs[at].title || model.runs[at].annotator)}, ${conditionOf(model.runs[at])}`;

    function options(indexes) {
      const datasets = unique(indexes.map((at) => model.runs[at].dataset));
      return datasets.map((dataset) => {
        const group = make("optgroup", { label: model.dataset(dataset) });
        const own = indexes.filter((at) => model.runs[at].dataset === dataset);
        const twice = (at) => own.filter((other) => label(other) === label(at)).length > 1;
        const text = (at) => label(at) + (twice(at) ? ` (${model.runs[at].run_id})` : "");
        group.append(...own.map((at) => make("option", { value: at, textContent: text(at) })));
        return group;
      });
    }

    function offer(preferred) {
      const indexes = partners(Number(first.value)).sort((a, b) => a - b);
      second.replaceChildren(...options(indexes));
      if (indexes.includes(preferred)) second.value = preferred;
      show();
    }

    function show() {
      const [a, b] = [Number(first.value), Number(second.value)];
      const entry = known.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
      byId("comparison").replaceChildren(drawComparison(model, entry.a === a ? entry : swapped(entry)));
    }

    first.replaceChildren(...options(unique(known.flatMap((one) => [one.a, one.b])).sort((a, b) => a - b)));
    first.value = known[0].a;
    first.addEventListener("change", () => offer(Number(second.value)));
    second.addEventListener("change", show);
    byId("run-swap").addEventListener("click", () => {
      const [a, b] = [Number(first.value), Number(second.value)];
      first.value = b;
      offer(a);
    });
    byId("comparisons").hidden = false;
    offer(known[0].b);
  }

  /** The same comparison from the other side. */
  function swapped(entry) {
    const turn = (value) => (isNumber(value) ? -value : null);
    const metrics = Object.entries(entry.metrics || {}).map(([name, one]) => [
      name, { difference: turn(one.difference), low: turn(one.high), high: turn(one.low) }]);
    const changed = list(entry.changed).map((one) => ({ sample: one.sample, a: one.b, b: one.a }));
    return { a: entry.b, b: entry.a, n: entry.n, metrics: Object.fromEntries(metrics), changed };
  }

  function drawComparison(model, entry) {
    const rows = Object.entries(entry.metrics || {}).map(([name, one]) => ({ title: model.title(name), ...one }));
    const ends = rows.flatMap((row) => [row.low, row.high, row.difference]).filter(isNumber).map(Math.abs);
    const widest = Math.max(0.005, ...ends);
    const [a, b] = [entry.a, entry.b].map((at) => apart(model.runs[at].title || model.runs[at].annotator));
    const differences = makeTable({
      caption: `Differences, B minus A, over ${count(entry.n ?? 0, "sample")}`,
      rows,
      columns: [
        { title: "Metric", head: true, cell: (row) => row.title },
        { title: "B − A", number: true, cell: (row) => points(row.difference) },
        { title: "95 % interval", number: true, cell: (row) => (isNumber(row.low) ? interval(row) : NONE) },
        { title: `Drawn from −${percent(widest, 1)} to +${percent(widest, 1)}`, whole: true, cell: (row) => whisker(row, widest) },
        { title: "Verdict", whole: true, cell: (row) => verdict(row, a, b) },
      ],
    });
    const parts = [make("p", {}, `${b} minus ${a}, over `, make("b", { textContent: count(entry.n ?? 0, "sample") }), "; percentage points."), differences.element];
    const changed = list(entry.changed).filter((one) => one.sample >= 0 && one.sample < model.size);
    if (changed.length) parts.push(make("h3", { textContent: "Samples that changed most, by F1" }), changedTable(model, changed));
    return make("div", { className: "comparison compact" }, ...parts);
  }

  function verdict(row, a, b) {
    if (!isNumber(row.low) || !isNumber(row.high)) return "no interval";
    if (row.low > 0) return `excludes 0: ${b} is higher`;
    if (row.high < 0) return `excludes 0: ${a} is higher`;
    return "includes 0: no difference shown";
  }

  /** The interval, drawn about zero. */
  function whisker(row, widest) {
    const box = make("div", { className: "interval", attributes: { "aria-hidden": "true" } }, make("i", { className: "zero" }));
    const place = (value) => 50 + (48 * value) / widest;
    if (isNumber(row.low) && isNumber(row.high)) {
      const span = make("i", { className: "span" });
      span.style.left = `${place(row.low)}%`;
      span.style.width = `${place(row.high) - place(row.low)}%`;
      box.append(span);
    }
    if (isNumber(row.difference)) {
      const point = make("i", { className: "point" });
      point.style.left = `${place(row.difference)}%`;
      box.append(point);
    }
    return box;
  }

  function changedTable(model, changed) {
    const change = (row) => (isNumber(row.a) && isNumber(row.b) ? row.b - row.a : null);
    const id = (row) => model.samples.id[row.sample];
    return makeTable({
      caption: "Samples that changed most",
      rows: changed,
      columns: [
        { title: "Sample", head: true, key: id, cell: (row) => make("a", { className: "mono", href: model.link(row.sample), textContent: id(row) }) },
        { title: "F1 of A", number: true, key: (row) => row.a, cell: (row) => percent(row.a) },
        { title: "F1 of B", number: true, key: (row) => row.b, cell: (row) => percent(row.b) },
        { title: "B − A", number: true, key: change, cell: (row) => points(change(row)) },
      ],
    }).element;
  }

  // --- Gallery -------------------------------------------------------------------------------------------------------

  function makeGallery(model) {
    const { samples, lines } = model;
    const control = Object.fromEntries(
      ["text", "dataset", "annotator", "status", "metric", "low", "high", "tag", "value", "order"].map((name) => [name, byId(`find-${name}`)]));
    const cards = byId("cards");
    const drawn = new Map();
    let statuses = [];
    let haystack = null;
    let view = [];

    const line = () => lines[Number(control.annotator.value) - 1] || null;
    const metric = () => control.metric.value || "f1";

    function fillControls() {
      fill(control.dataset, [["", "All"], ...model.datasets.map((name) => [`=${name}`, model.dataset(name)])]);
      fill(control.annotator, [["0", lines.length > 1 ? "All (mean)" : "All"], ...lines.map((one, at) => [at + 1, one.label])]);
      fill(control.metric, (model.scored.length ? model.scored : ["f1"]).map((name) => [name, model.title(name)]));
      statuses = findStatuses(model);
      fill(control.status, [["", "Any"], ...statuses.map((one, at) => [at + 1, one.label])]);
      const tags = unique(list(samples.tags).flatMap((one) => Object.keys(one || {}))).sort(compareNaturally);
      fill(control.tag, [["", "Any"], ...tags.map((name) => [`=${name}`, name])]);
      byId("find-tags").hidden = tags.length === 0;
      fillValues();
    }

    /** Values of the chosen tag, the most frequent ones where there are very many. */
    function fillValues() {
      const name = control.tag.value.slice(1);
      const counts = new Map();
      if (control.tag.value) {
        for (const one of samples.tags) {
          if (one && Object.hasOwn(one, name)) counts.set(String(one[name]), (counts.get(String(one[name])) || 0) + 1);
        }
      }
      const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_VALUES);
      most.sort((a, b) => compareNaturally(a[0], b[0]));
      fill(control.value, [["", "Any value"], ...most.map(([value, n]) => [`=${value}`, `${apart(value)} (${n})`])]);
      if (counts.size > MOST_VALUES) control.value.append(make("option", { disabled: true, textContent: `${counts.size - MOST_VALUES} rarer values` }));
      control.value.disabled = counts.size === 0;
    }

    function wanted() {
      const chosen = line();
      const words = control.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const low = control.low.value === "" ? -Infinity : Number(control.low.value) / 100;
      const high = control.high.value === "" ? Infinity : Number(control.high.value) / 100;
      const bounded = control.low.value !== "" || control.high.value !== "";
      const scores = model.scores(chosen, metric());
      const status = statuses[Number(control.status.value) - 1];
      const watched = chosen ? [chosen] : lines;
      const [tag, value] = [control.tag.value.slice(1), control.value.value.slice(1)];
      if (words.length) haystack ??= samples.id.map((id, at) => `${id}\n${samples.instruction?.[at] ?? ""}`.toLowerCase());
      // Bounds are typed with few digits: a score that is shown as 82.50 belongs to "from 82.5".
      const slack = 5e-5;
      return (index) =>
        (!control.dataset.value || control.dataset.value === `=${samples.dataset[index]}`) &&
        (!chosen || chosen.has(index)) &&
        (!bounded || (scores[index] >= low - slack && scores[index] <= high + slack)) &&
        (!status || watched.some((one) => one.get(index, "status") === status.status && (status.reason === null || one.get(index, "reason") === status.reason))) &&
        (!control.tag.value || hasTag(samples.tags[index], tag, control.value.value ? value : null)) &&
        words.every((word) => haystack[index].includes(word));
    }

    function order() {
      const scores = model.scores(line(), metric());
      const area = (index) => samples.area?.[index] ?? NaN;
      const rules = {
        low: [(index) => scores[index], 1],
        high: [(index) => scores[index], -1],
        spread: [(index) => model.spread(metric())[index], -1],
        small: [area, 1],
        large: [area, -1],
      };
      const [key, sign] = rules[control.order.value] || [];
      if (!key) return (a, b) => compareNaturally(samples.id[a], samples.id[b]) || a - b;
      return (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
        return sign * (x - y) || a - b;
      };
    }

    function show() {
      const fits = wanted();
      view = [];
      for (let index = 0; index < model.size; index += 1) if (fits(index)) view.push(index);
      view.sort(order());
      drawn.clear();
      cards.replaceChildren();
      byId("find-count").textContent = view.length === model.size ? count(model.size, "sample") : `${view.length.toLocaleString("en")} of ${count(model.size, "sample")}`;
      byId("no-cards").hidden = view.length > 0;
      byId("thumb-map").disabled = !line();
      byId("thumb-map").parentElement.title = line() ? "" : `Choose ${model.words.one} first.`;
      drawMore();
    }

    /** The next page of cards. */
    function drawMore() {
      const fresh = view.slice(drawn.size, drawn.size + PAGE);
      const nodes = fresh.map((index) => {
        const item = make("li", {}, drawCard(index));
        drawn.set(index, item.firstChild);
        return item;
      });
      cards.append(...nodes);
      const left = view.length - drawn.size;
      byId("more").hidden = left === 0;
      byId("more").textContent = `Show ${Math.min(PAGE, left)} more of ${left.toLocaleString("en")}`;
    }

    function drawCard(index) {
      const score = model.scores(line(), metric())[index];
      const name = line() || lines.length < 2 ? model.title(metric()) : `Mean ${model.title(metric())}`;
      const bar = make("i");
      bar.style.width = `${Math.max(0, Math.min(1, score || 0)) * 100}%`;
      const text = make("span", { className: "card-text" }, make("span", { className: "card-id", textContent: samples.id[index] }));
      if (model.datasets.length > 1) text.append(make("span", { className: "quiet", textContent: model.dataset(samples.dataset[index]) }));
      text.append(
        make("span", { className: "card-line" }, make("span", { className: "quiet", textContent: name }), make("b", { textContent: percent(score, 1) })),
        make("span", { className: "meter" }, bar));
      const troubled = troubles(index);
      if (troubled) text.append(make("span", { className: "quiet warn", textContent: troubled }));
      return make("a", { className: "card", href: model.link(index) }, drawThumb(index), text);
    }

    function troubles(index) {
      const watched = line() ? [line()] : lines;
      const found = watched.filter((one) => one.has(index) && one.get(index, "status") !== "ok");
      if (!found.length) return "";
      const reasons = unique(found.map((one) => `${one.get(index, "status")}: ${apart(one.get(index, "reason") || "unknown")}`));
      return reasons.join("; ") + (watched.length > 1 ? ` (${found.length} of ${watched.length})` : "");
    }

    function drawThumb(index) {
      const thumb = make("span", { className: "thumb" });
      const source = samples.edited?.[index] ?? samples.original?.[index];
      const tell = (text) => thumb.append(make("span", { className: "quiet", textContent: text }));
      if (!source) {
        tell(samples.problem?.[index] || "no picture");
        return thumb;
      }
      const over = [
        byId("thumb-truth").checked && samples.mask?.[index],
        byId("thumb-map").checked && line()?.get(index, "map"),
      ].filter(Boolean);
      thumb.append(picture(source, "", () => tell("picture not found")));
      if (over.length) thumb.append(make("span", { className: "overlays" }, ...over.map((one) => picture(one, "", () => {}))));
      return thumb;
    }

    function start() {
      if (!model.size) return;
      fillControls();
      for (const name of ["text", "low", "high"]) control[name].addEventListener("input", paused(show));
      for (const name of ["dataset", "annotator", "status", "metric", "value", "order"]) control[name].addEventListener("change", show);
      control.tag.addEventListener("change", () => {
        fillValues();
        show();
      });
      for (const id of ["thumb-truth", "thumb-map"]) byId(id).addEventListener("change", show);
      byId("filters").addEventListener("submit", (event) => event.preventDefault());
      byId("find-reset").addEventListener("click", reset);
      byId("more").addEventListener("click", () => {
        const next = view[drawn.size];
        drawMore();
        drawn.get(next)?.focus();
      });
      new IntersectionObserver((seen) => {
        if (seen.some((one) => one.isIntersecting)) drawMore();
      }, { rootMargin: "300px" }).observe(byId("more"));
      byId("gallery").hidden = false;
      show();
    }

    function reset() {
      for (const name of ["text", "low", "high", "dataset", "status", "tag"]) control[name].value = "";
      control.annotator.value = "0";
      fillValues();
      show();
    }

    return {
      start,
      line,
      view: () => view,
      focus: (index) => drawn.get(index)?.focus(),
      /** Show one run's samples. */
      narrow(dataset, chosen) {
        for (const name of ["text", "low", "high", "status", "tag"]) control[name].value = "";
        control.dataset.value = `=${dataset}`;
        control.annotator.value = String(lines.indexOf(chosen) + 1);
        fillValues();
        show();
      },
    };
  }

  const hasTag = (tags, name, value) => Boolean(tags) && Object.hasOwn(tags, name) && (value === null || String(tags[name]) === value);

  /** Statuses and reasons that occur, with the number of samples. */
  function findStatuses(model) {
    const found = new Map();
    for (let index = 0; index < model.size; index += 1) {
      const own = new Set();
      for (const line of model.lines) {
        if (!line.has(index)) continue;
        const status = line.get(index, "status");
        own.add(status);
        if (status !== "ok") own.add(`${status} ${line.get(index, "reason") || ""}`);
      }
      for (const key of own) found.set(key, (found.get(key) || 0) + 1);
    }
    const entries = [...found].map(([key, number]) => {
      const space = key.indexOf(" ");
      return space < 0 ? [key, null, number] : [key.slice(0, space), key.slice(space + 1), number];
    });
    const rank = ([status, reason]) => `${["ok", "failed", "skipped"].indexOf(status)} ${reason ?? ""}`;
    return entries.sort((a, b) => compareNaturally(rank(a), rank(b))).map(([status, reason, number]) => ({
      status, reason, label: `${status === "ok" ? "scored" : status}${reason === null ? "" : `: ${apart(reason || "unknown")}`} (${number.toLocaleString("en")})`,
    }));
  }

  // --- Sample view ---------------------------------------------------------------------------------------------------

  function startSampleView(model, gallery) {
    const { samples, lines } = model;
    const dialog = byId("sample");
    const stage = byId("stage");
    const slider = byId("slider");
    const opacity = byId("opacity");
    const look = { index: -1, truth: true, line: null };
    let layers = {};
    let pushed = false;
    let opener = null;

    /** [dataset, id] of the address, null where it names no sample, [] where it cannot be read. */
    function linked() {
      if (!location.hash.startsWith(SAMPLE_LINK)) return null;
      try {
        const parts = location.hash.slice(SAMPLE_LINK.length).split("/").map(decodeURIComponent);
        return parts.length === 2 ? parts : [];
      } catch (error) {
        if (error instanceof URIError) return [];
        throw error;
      }
    }

    function follow(later) {
      const parts = linked();
      if (!parts) {
        if (dialog.open) dialog.close();
        return;
      }
      pushed = later && !dialog.open;
      if (!dialog.open) look.line = gallery.line() || look.line;
      show(parts.length ? model.find(...parts) : -1, parts);
    }

    function show(index, parts = []) {
      look.index = index;
      byId("sample-body").hidden = index < 0;
      byId("sample-trouble").hidden = index >= 0;
      byId("copied").hidden = true;
      byId("copy").hidden = index < 0;
      if (index < 0) tellUnknown(parts);
      else drawSample(index);
      drawPosition();
      if (!dialog.open) {
        opener = document.activeElement;
        dialog.showModal();
      }
      dialog.scrollTop = 0;
    }

    function tellUnknown([dataset, id]) {
      byId("sample-title").textContent = "No such sample";
      byId("sample-trouble").textContent = id === undefined
        ? "This link cannot be read: it should end in #sample=DATASET/ID, both percent-encoded."
        : `This page holds no sample “${apart(id)}” of the dataset “${apart(dataset)}”. It may show a part of the dataset only, or the link is from another page.`;
    }

    function drawSample(index) {
      byId("sample-title").textContent = samples.id[index];
      drawStage(index);
      drawScores(index);
      byId("facts").replaceChildren(...facts(index).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", {}, value)]));
    }

    function drawStage(index) {
      const [width, height] = [samples.width?.[index], samples.height?.[index]];
      setRatio(width / height);
      stage.replaceChildren();
      layers = { truth: null, map: null, overlays: make("div", { className: "overlays" }) };
      addPhotograph("original", samples.original?.[index], !(width && height));
      addPhotograph("edited", samples.edited?.[index], !(width && height));
      const both = Boolean(layers.original && layers.edited);
      stage.append(layers.overlays);
      if (samples.mask?.[index]) layers.truth = addLayer(samples.mask[index], "Truth, laid over", layers.overlays);
      layers.divider = both ? stage.appendChild(make("div", { className: "divider" })) : null;
      if (layers.original) layers.left = stage.appendChild(make("span", { className: "corner left", textContent: "Original" }));
      if (layers.edited) layers.right = stage.appendChild(make("span", { className: "corner right", textContent: isAuthentic(index) ? "Authentic" : "Edited" }));
      if (!layers.original && !layers.edited) stage.append(make("p", { className: "missing", textContent: samples.problem?.[index] || "No picture." }));
      stage.classList.toggle("slides", both);
      slider.hidden = !both;
      byId("flip").disabled = !both;
      byId("truth").disabled = !layers.truth;
      tellStage((layers.original || layers.edited) && samples.problem?.[index]);
      drawOverlays();
      drawDivider();
    }

    function setRatio(ratio) {
      byId("sample-body").style.setProperty("--ratio", String(isNumber(ratio) ? Math.min(4, Math.max(0.25, ratio)) : 1));
    }

    function tellStage(text) {
      byId("stage-note").textContent = text || "";
      byId("stage-note").hidden = !text;
    }

    function addLayer(source, alt, parent = stage) {
      const image = picture(source, alt, () => tellStage(`${alt}: the picture's file was not found.`));
      image.loading = "eager";
      return parent.appendChild(image);
    }

    function addPhotograph(name, source, measures) {
      layers[name] = source ? addLayer(source, name === "original" ? "Original" : isAuthentic(look.index) ? "Authentic" : "Edited") : null;
      if (source && measures) layers[name].addEventListener("load", (event) => setRatio(event.target.naturalWidth / event.target.naturalHeight));
    }

    function drawDivider() {
      if (!layers.divider) return;
      const at = Number(slider.value);
      layers.edited.style.clipPath = `inset(0 0 0 ${at}%)`;
      layers.divider.style.left = `${at}%`;
      layers.divider.hidden = at === 0 || at === 100;
      layers.left.hidden = at < 15;
      layers.right.hidden = at > 85;
    }

    /** Truth and the chosen prediction, at the chosen opacity. */
    function drawOverlays() {
      const source = look.line ? look.line.get(look.index, "map") : null;
      if (layers.source !== source) {
        layers.map?.remove();
        layers.map = source ? addLayer(source, `Prediction of ${look.line.label}, laid over`, layers.overlays) : null;
        layers.source = source;
      }
      layers.overlays.style.opacity = String(Number(opacity.value) / 100);
      if (layers.truth) layers.truth.hidden = !look.truth;
      byId("legend").hidden = !(layers.map && layers.truth && look.truth);
      byId("truth").setAttribute("aria-pressed", String(look.truth));
      for (const button of byId("scores").querySelectorAll(".overlay")) {
        button.setAttribute("aria-pressed", String(lines[button.dataset.line] === look.line));
      }
      opacity.disabled = !layers.truth && !layers.map;
    }

    const overlayable = (line) => Boolean(line.get(look.index, "map"));

    function choose(line) {
      look.line = look.line === line ? null : line;
      drawOverlays();
    }

    function drawScores(index) {
      const rows = lines.filter((line) => line.has(index));
      byId("scores-title").hidden = rows.length === 0;
      byId("scores-hint").hidden = !rows.some(overlayable);
      const columns = [{ title: model.words.title, head: true, key: (line) => line.label, cell: overlayButton }];
      for (const name of model.scored) {
        columns.push({ title: model.title(name), number: true, key: (line) => line.value(index, name), cell: (line) => percent(line.value(index, name)) });
      }
      if (rows.some((line) => remark(line, index))) columns.push({ title: "Status", whole: true, cell: (line) => remark(line, index) || "scored" });
      byId("scores").replaceChildren();
      if (rows.length) byId("scores").append(makeTable({ caption: "Scores of this sample", rows, columns }).element);
      drawOverlays();
    }

    function overlayButton(line) {
      return make("button", {
        type: "button", className: "overlay", disabled: !overlayable(line), on: { click: () => choose(line) },
        attributes: { "aria-pressed": String(line === look.line), "data-line": lines.indexOf(line) },
      }, make("span", { className: "swatch prediction" }), line.label);
    }

    /** Why there is no score, or no picture of the prediction; null where all is well. */
    function remark(line, index) {
      const status = line.get(index, "status");
      const parts = [];
      if (status !== "ok") parts.push(make("b", { className: "warn", textContent: `${status}: ${line.get(index, "reason") || "unknown"}` }), make("br"), line.get(index, "message") || "");
      const problem = line.get(index, "map_problem");
      if (problem) parts.push(make("span", { className: "quiet", textContent: `${parts.length ? " " : ""}not drawn: ${problem}` }));
      return parts.length ? make("span", {}, ...parts) : null;
    }

    const isAuthentic = (index) => samples.scope?.[index] === "authentic";

    function facts(index) {
      const found = [];
      const dataset = make("span", { textContent: model.dataset(samples.dataset[index]) });
      if (model.composited.has(samples.dataset[index])) dataset.append(make("span", { className: "dagger", title: "composited", textContent: "\u00a0†" }));
      const add = (name, value) => value && found.push([name, value]);
      add("Instruction", samples.instruction?.[index] && make("span", { dir: "auto", textContent: samples.instruction[index] }));
      add("Dataset", dataset);
      add("Edit", samples.scope?.[index]);
      if (samples.width?.[index] && samples.height?.[index]) add("Size", `${samples.width[index]} × ${samples.height[index]} pixels`);
      if (isNumber(samples.area?.[index])) add("Edited area", `${percent(samples.area[index])} % of the image`);
      if (!isAuthentic(index)) add("Outside the mask", outside(samples.outside?.[index]));
      const tags = Object.entries(samples.tags?.[index] || {});
      if (tags.length) {
        const items = tags.map(([name, value]) => make("li", {}, make("span", { textContent: `${name}: ` }), String(value)));
        add("Tags", make("ul", { className: "tags" }, ...items));
      }
      for (const note of list(samples.notes?.[index])) add("Note", note);
      return found;
    }

    function outside(difference) {
      if (!isNumber(difference)) return "not measured";
      if (difference === 0) return "identical to the original: composited";
      if (difference === 1) return "differs by at most 1 grey level: composited";
      return `differs by up to ${difference} grey levels of 255: changed there too, by encoding or by the editor`;
    }

    function drawPosition() {
      const view = gallery.view();
      const at = view.indexOf(look.index);
      const inside = look.index < 0 ? "" : "not among the filtered samples";
      byId("position").textContent = at < 0 ? inside : `${(at + 1).toLocaleString("en")} of ${view.length.toLocaleString("en")}`;
      byId("previous").disabled = at < 0 ? view.length === 0 : at === 0;
      byId("next").disabled = at < 0 ? view.length === 0 : at === view.length - 1;
      for (const near of [view[at + 1], view[at - 1]]) {
        if (near === undefined || at < 0) continue;
        for (const source of [samples.original?.[near], samples.edited?.[near]]) if (source) new Image().src = source;
      }
    }

    /** To the sample before or after, within the current filter. */
    function step(by) {
      const view = gallery.view();
      const at = view.indexOf(look.index);
      const next = at < 0 ? view[by > 0 ? 0 : view.length - 1] : view[at + by];
      if (next === undefined) return;
      history.replaceState(history.state, "", model.link(next));
      const held = document.activeElement;
      show(next);
      if (held?.disabled) byId("sample-title").focus();
    }

    function outsideOf(element, event) {
      const box = element.getBoundingClientRect();
      return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
    }

    async function copyLink() {
      const told = byId("copied");
      try {
        await navigator.clipboard.writeText(location.href);
        told.replaceChildren("Link copied.");
      } catch {
        // A browser may refuse a page from disk: then the link is there to be copied by hand.
        told.replaceChildren("Copy this link:", make("input", { type: "text", readOnly: true, value: location.href, ariaLabel: "Link to this sample" }));
      }
      told.hidden = false;
      told.querySelector("input")?.select();
    }

    function slideTo(event) {
      const box = stage.getBoundingClientRect();
      slider.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
      drawDivider();
    }

    function flip() {
      if (byId("flip").disabled) return;
      slider.value = Number(slider.value) > 0 ? "0" : "100";
      drawDivider();
    }

    function toggleTruth() {
      if (byId("truth").disabled) return;
      look.truth = !look.truth;
      drawOverlays();
    }

    /** Keys; those that a focused field needs are left to it. */
    function press(event) {
      if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input[type="text"]')) return;
      const sliding = event.target.matches('input[type="range"]') || event.target.closest(".table-box[tabindex]") === event.target;
      const rows = lines.filter((line) => line.has(look.index) && overlayable(line));
      const actions = { ArrowLeft: () => sliding || step(-1), ArrowRight: () => sliding || step(1) };
      if (look.index >= 0) {
        Object.assign(actions, { b: flip, t: toggleTruth, 0: () => choose(look.line) });
        rows.slice(0, 9).forEach((line, at) => { actions[at + 1] = () => choose(line); });
      }
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (action && action() !== true) event.preventDefault();
    }

    dialog.addEventListener("close", () => {
      const index = look.index;
      if (linked()) {
        if (pushed) history.back();
        else history.replaceState(null, "", location.href.split("#")[0]);
      }
      // The browser returns to what opened the view; within the gallery, to the sample that was looked at last.
      requestAnimationFrame(() => {
        if (!dialog.open && opener?.classList.contains("card")) gallery.focus(index);
      });
    });
    dialog.addEventListener("keydown", press);
    dialog.addEventListener("pointerdown", (event) => event.target === dialog && outsideOf(dialog, event) && dialog.close());
    byId("close").addEventListener("click", () => dialog.close());
    byId("copy").addEventListener("click", copyLink);
    byId("previous").addEventListener("click", () => step(-1));
    byId("next").addEventListener("click", () => step(1));
    byId("flip").addEventListener("click", flip);
    byId("truth").addEventListener("click", toggleTruth);
    slider.addEventListener("input", drawDivider);
    opacity.addEventListener("input", drawOverlays);
    stage.addEventListener("pointerdown", (event) => {
      if (!layers.divider || event.button) return;
      stage.setPointerCapture(event.pointerId);
      slideTo(event);
    });
    stage.addEventListener("pointermove", (event) => stage.hasPointerCapture(event.pointerId) && slideTo(event));
    window.addEventListener("hashchange", () => follow(true));
    follow(false);
  }

  // --- Start ---------------------------------------------------------------------------------------------------------

  /** Light, dark or the system's choice; remembered where the browser allows a page from disk to remember. */
  function startTheme() {
    const choices = ["system", "light", "dark"];
    let choice = "system";
    const set = (value) => {
      choice = choices.includes(value) ? value : "system";
      document.documentElement.dataset.theme = choice;
      byId("theme").textContent = `Theme: ${choice}`;
    };
    const remember = (use) => {
      try {
        return use(window.localStorage);
      } catch (error) {
        if (error instanceof DOMException) return null;
        throw error;
      }
    };
    set(remember((storage) => storage.getItem("imlbench-theme")));
    byId("theme").addEventListener("click", () => {
      set(choices[(choices.indexOf(choice) + 1) % choices.length]);
      remember((storage) => storage.setItem("imlbench-theme", choice));
    });
  }

  function tell(text) {
    byId("trouble").textContent = text;
    byId("trouble").hidden = false;
  }

  function start() {
    startTheme();
    if (!DATA) {
      tell("This page's data is missing. A page with a folder beside it must be moved or sent together with that folder.");
      return;
    }
    if (DATA.format !== 1) {
      tell(`This page's data has format ${DATA.format}; its script reads format 1. Make the page again.`);
      return;
    }
    byId("title").textContent = document.title = DATA.title || "imlbench results";
    byId("software").textContent = DATA.software || "";
    const model = makeModel(DATA);
    for (const place of document.querySelectorAll("[data-words]")) {
      place.textContent = place.dataset.words.replace(/\$(\w+)/g, (_, name) => model.words[name]);
    }
    const gallery = makeGallery(model);
    startSummary(model, gallery);
    startNotes(list(DATA.notes));
    startFigures(list(DATA.figures));
    startComparisons(model, list(DATA.comparisons));
    gallery.start();
    for (const link of byId("jumps").children) link.hidden = document.querySelector(link.getAttribute("href")).hidden;
    if (!model.runs.length && !model.size) tell("This page holds no runs.");
    startSampleView(model, gallery);
  }

  start();
})();
