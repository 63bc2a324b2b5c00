// The pictures: what each shows as a Vega-Lite specification, drawn as SVG in the page's own colours.

import { element, shown } from "./elements.mjs";

// Okabe and Ito's colours, which the colour-blind tell apart; shapes tell the same.
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#9a6a00", "#2b8cbe", "#555555", "#882255"];
const DARK = ["#56b4e9", "#ff8c42", "#2fd39f", "#e69ad0", "#f0c040", "#9ad1f0", "#bbbbbb", "#ee7799"];
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right"];
const STATUSES = ["pass", "weak", "known", "skip", "timeout", "fail", "crash"];

export class Pictures {
  constructor(root, charts, showOutcomes) {
    this.root = root;
    this.showOutcomes = showOutcomes;
    this.rows = Object.fromEntries(
      Object.entries(charts).map(([name, { columns, rows }]) => [name, rows.map((row) => named(columns, row))]),
    );
    this.backends = [...new Set(Object.values(this.rows).flat().map((row) => row.backend))];
    this.drawn = new Map();
    this.selects = Object.fromEntries(["operation", "dtype"].map((name) => [name, this.choice(name)]));
  }

  show(place) {
    this.drawn.set(place, null);
    return this.draw(place);
  }

  repaint() {
    for (const place of this.drawn.keys()) this.draw(place);
  }

  choice(name) {
    const select = this.root.getElementById(`choose-${name}`);
    if (!select) return null;
    const kept = [...new Set(Object.values(this.rows).flat().map((row) => row[name]).filter(Boolean))];
    const preferred = { operation: "softmax", dtype: "float32" }[name];
    select.append(...kept.map((value) => element("option", { value, textContent: value, selected: value === preferred })));
    select.addEventListener("change", () => this.repaint());
    return select;
  }

  /** The rows of a picture that the choices leave. */
  chosen(name) {
    return this.rows[name].filter((row) =>
      Object.entries(this.selects).every(([field, select]) => !(field in row) || !select || row[field] === select.value),
    );
  }

  async draw(place) {
    const name = place.dataset.picture;
    const rows = this.chosen(name);
    this.drawn.get(place)?.finalize();
    this.drawn.set(place, null);
    if (!rows.length) {
      place.replaceChildren(element("p", { className: "none", textContent: "Nothing was recorded of this choice." }));
      return;
    }
    place.replaceChildren();
    loadLibraries();
    const colours = palette();
    const body = SPECIFICATIONS[name](rows, this, place.clientWidth < 560);
    const specification = { ...body, data: { values: rows }, width: "container", autosize: { type: typeof body.height === "object" ? "fit-x" : "fit", contains: "padding" }, config: config(colours) };
    const runtime = vega.parse(vegaLite.compile(specification, { logger: SILENT }).spec);
    const view = new vega.View(runtime, { renderer: "svg", container: place, hover: true, tooltip });
    this.drawn.set(place, view);
    if (name === "checks") {
      view.addEventListener("click", (_, item) => {
        if (item?.datum?.check) this.showOutcomes({ backend: item.datum.backend, check: item.datum.check, status: item.datum.status });
      });
    }
    await view.runAsync();
  }

  colour(extra = {}) {
    const colours = isDark() ? DARK : LIGHT;
    return {
      field: "backend",
      type: "nominal",
      scale: { domain: this.backends, range: this.backends.map((_, i) => colours[i % colours.length]) },
      legend: { title: null, orient: "bottom", columns: extra.narrow ? 2 : 4, symbolLimit: 60 },
    };
  }

  shape(narrow) {
    return { ...this.colour({ narrow }), scale: { domain: this.backends, range: this.backends.map((_, i) => SHAPES[i % SHAPES.length]) } };
  }
}

// Vega-Lite says what it makes of a height in steps; the console is for what goes wrong.
const SILENT = { level: () => SILENT, error: console.error, warn: () => SILENT, info: () => SILENT, debug: () => SILENT };

const PICK = { name: "pick", select: { type: "point", fields: ["backend"] }, bind: "legend" };
const FADED = { condition: { param: "pick", value: 1 }, value: 0.12 };

const SPECIFICATIONS = {
  plane: (rows, pictures, narrow) => {
    const x = { field: "bandwidth", type: "quantitative", scale: { type: "log", nice: false, padding: 15 }, title: "bytes moved per second (faster →)", axis: { format: "~s", tickCount: 5 } };
    const y = { field: "ulp", type: "quantitative", scale: { type: "log", padding: 15 }, title: "largest error, ulp (more accurate ↓)", axis: { format: "~g", tickCount: 5 } };
    const tooltip = hints(["backend", "shape", "bandwidth", "ulp", "front"]);
    return {
      height: 340,
      description: "Speed against largest error, a mark for each backend and shape; lines join what no other backend beats.",
      layer: [
        { transform: [{ filter: "datum.front" }], mark: { type: "line", strokeDash: [4, 3], opacity: 0.5, interpolate: "step-before", color: "gray" }, encoding: { x, y, detail: { field: "shape" } } },
        {
          params: [PICK],
          mark: { type: "point", filled: true, size: 80 },
          encoding: { x, y, color: pictures.colour({ narrow }), shape: pictures.shape(narrow), opacity: FADED, size: { condition: { test: "datum.front", value: 130 }, value: 45 }, tooltip },
        },
      ],
    };
  },
  lengths: (rows, pictures, narrow) => ({
    height: 320,
    description: "Largest error in ulps against row length, a line for each backend.",
    params: [PICK],
    mark: { type: "line", point: { size: 40 }, strokeWidth: 1.8 },
    encoding: {
      x: { field: "n", type: "quantitative", scale: { type: "log", base: 2 }, title: "row length n", axis: { labelExpr: "datum.value < 1024 ? datum.value : datum.value / 1024 + 'k'", tickCount: narrow ? 5 : 9 } },
      y: { field: "ulp", type: "quantitative", scale: { type: "symlog", constant: 0.5 }, title: "largest error, ulp", axis: { values: [0, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 1000, 10000], labelExpr: "datum.value < 1000 ? datum.value : datum.value / 1000 + 'k'" } },
      color: pictures.colour({ narrow }),
      opacity: FADED,
      tooltip: hints(["backend", "n", "ulp"]),
    },
  }),
  errors: (rows, pictures, narrow) => ({
    height: 300,
    description: "How many outcomes have their largest error between one power of two and the next.",
    params: [PICK],
    transform: [{ calculate: "datum.power > 24 ? 'beyond' : '≤ ' + (datum.power < 0 ? '1/' + pow(2, -datum.power) : pow(2, datum.power))", as: "error" }],
    mark: { type: "bar" },
    encoding: {
      x: { field: "error", type: "ordinal", sort: { field: "power", op: "min" }, title: "largest error of an outcome, ulp", axis: { labelAngle: -45 } },
      y: { field: "count", type: "quantitative", title: "outcomes" },
      color: pictures.colour({ narrow }),
      opacity: FADED,
      tooltip: hints(["backend", "error", "count"]),
    },
  }),
  checks: (rows) => ({
    height: { step: 26 },
    description: "The gravest status of each check and backend, and how often.",
    encoding: {
      x: { field: "check", type: "nominal", title: null, axis: { labelAngle: -40, orient: "top" } },
      y: { field: "backend", type: "nominal", title: null, sort: null },
      tooltip: hints(["backend", "check", "status", "count", "worst"]),
    },
    layer: [
      {
        mark: { type: "rect", cursor: "pointer", stroke: palette().surface, strokeWidth: 2 },
        encoding: { color: { field: "status", type: "nominal", scale: { domain: STATUSES, range: STATUSES.map((status) => css(`--mark-${status}`)) }, legend: { title: null, orient: "bottom", columns: 7 } } },
      },
      {
        mark: { type: "text", fontSize: 10, fontWeight: "bold", cursor: "pointer" },
        encoding: { text: { field: "mark" }, color: { value: css("--mark-ink") } },
        transform: [{ calculate: "{pass: '✓', weak: 'w', known: 'k', skip: '–', timeout: 'T', fail: '✗', crash: '☠'}[datum.status]", as: "mark" }],
      },
    ],
  }),
  speeds: (rows, pictures, narrow) => ({
    height: 340,
    description: "Share of the measured copy bandwidth by shape, a mark for each backend.",
    params: [PICK],
    transform: [{ calculate: "datum.share == null ? datum.bandwidth / 1e9 : datum.share", as: "reached" }, { calculate: "datum.share == null ? 'GB/s' : 'share'", as: "unit" }],
    mark: { type: "point", filled: true, size: 70 },
    encoding: {
      y: { field: "shape", type: "nominal", sort: { field: "elements" }, title: null },
      x: { field: "reached", type: "quantitative", title: rows.some((row) => row.share !== null) ? "share of the measured copy bandwidth" : "GB/s", scale: { zero: true }, axis: rows.some((row) => row.share !== null) ? { format: ".0%" } : {} },
      color: pictures.colour({ narrow }),
      shape: pictures.shape(narrow),
      opacity: FADED,
      tooltip: hints(["backend", "shape", "device", "cache", "seconds", "bandwidth", "share", "verified"]),
    },
  }),
  duels: () => ({
    height: { step: 30 },
    description: "The ratio of speeds of each duel with its confidence interval.",
    transform: [{ calculate: "datum.backend + ' against ' + datum.against + ', ' + datum.workload", as: "pair" }],
    encoding: { y: { field: "pair", type: "nominal", title: null, axis: { labelLimit: 320 } }, tooltip: hints(["backend", "against", "workload", "ratio", "low", "high", "verdict"]) },
    layer: [
      { mark: { type: "rule", strokeWidth: 3 }, encoding: { x: { field: "low", type: "quantitative", scale: { zero: false }, title: "times as fast (interval)" }, x2: { field: "high" } } },
      { mark: { type: "point", filled: true, size: 90 }, encoding: { x: { field: "ratio", type: "quantitative" } } },
      { mark: { type: "rule", strokeDash: [4, 3] }, encoding: { x: { datum: 1 }, y: null } },
    ],
  }),
};

/** Run Vega and Vega-Lite, which the page carries as text; once. */
function loadLibraries() {
  for (const text of document.querySelectorAll("script[data-library]")) {
    document.head.append(element("script", { textContent: text.textContent }));
    text.remove();
  }
}

function hints(fields) {
  return fields.map((field) => ({ field, title: field }));
}

function named(columns, row) {
  const special = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  return Object.fromEntries(columns.map((name, place) => [name, special[row[place]] ?? row[place]]));
}

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function isDark() {
  return css("--scheme") === "dark";
}

function palette() {
  return { ink: css("--ink"), soft: css("--soft"), line: css("--line"), surface: css("--surface"), accent: css("--accent") };
}

function config({ ink, soft, line, accent }) {
  const font = "system-ui, sans-serif";
  return {
    background: "transparent",
    font,
    view: { stroke: line },
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: soft, tickColor: soft, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelFont: font, titleFont: font },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, labelFont: font, labelLimit: 220 },
    rule: { color: soft },
    point: { color: accent },
    text: { font },
  };
}

let bubble = null;

/** Vega's tooltip, of text nodes alone: names come from plugins. */
function tooltip(_, event, __, value) {
  bubble ??= document.body.appendChild(element("div", { className: "bubble", role: "tooltip" }));
  bubble.hidden = value === null || value === undefined || value === "";
  if (bubble.hidden) return;
  const lines = typeof value === "object" ? Object.entries(value) : [["", value]];
  bubble.replaceChildren(
    element("dl", {}, ...lines.flatMap(([name, each]) => [element("dt", { textContent: name }), element("dd", { textContent: shown(numeric(each)) })])),
  );
  const right = event.clientX + 14 + bubble.offsetWidth > innerWidth;
  bubble.style.left = `${Math.max(right ? event.clientX - 14 - bubble.offsetWidth : event.clientX + 14, 4)}px`;
  bubble.style.top = `${Math.min(event.clientY + 14, innerHeight - bubble.offsetHeight - 4)}px`;
}

function numeric(text) {
  return typeof text === "string" && /^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(text) ? Number(text) : text;
}
