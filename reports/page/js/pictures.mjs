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
    this.shapes = this.root.getElementById("choose-shape");
    this.shapes?.addEventListener("change", () => this.repaint());
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

  /** The rows of one shape, and in the list the shapes that there are: a plane of all is no picture. */
  ofShape(rows) {
    const counts = new Map();
    for (const { shape } of rows) counts.set(shape, (counts.get(shape) ?? 0) + 1);
    const shapes = [...counts.keys()].sort((one, other) => elements(one) - elements(other));
    const usual = shapes.reduce((best, shape) => (counts.get(shape) >= counts.get(best) ? shape : best), shapes[0]);
    const kept = counts.has(this.shapes.value) ? this.shapes.value : usual;
    this.shapes.replaceChildren(...shapes.map((value) => element("option", { value, textContent: value, selected: value === kept })));
    return rows.filter((row) => row.shape === kept);
  }

  async draw(place) {
    const name = place.dataset.picture;
    const rows = name === "plane" ? this.ofShape(this.chosen(name)) : this.chosen(name);
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

  /** A backend's colour, the same in every picture; the legend names those that are in these rows. */
  colour(rows, narrow) {
    const colours = isDark() ? DARK : LIGHT;
    const here = new Set(rows.map((row) => row.backend));
    return {
      field: "backend",
      type: "nominal",
      scale: { domain: this.backends, range: this.backends.map((_, i) => colours[i % colours.length]) },
      legend: { title: null, orient: "bottom", columns: narrow ? 2 : 4, symbolLimit: 60, values: this.backends.filter((name) => here.has(name)) },
    };
  }

  /** Its shape: where colours begin anew, shapes are others, so that no two backends look alike. */
  shape(rows, narrow) {
    const range = this.backends.map((_, i) => SHAPES[(i + Math.floor(i / LIGHT.length)) % SHAPES.length]);
    return { ...this.colour(rows, narrow), scale: { domain: this.backends, range } };
  }
}

// Vega-Lite says what it makes of a height in steps; the console is for what goes wrong.
const SILENT = { level: () => SILENT, error: console.error, warn: () => SILENT, info: () => SILENT, debug: () => SILENT };

const MANY = 14; // marks beyond which names beside them would cover one another
const PICK = { name: "pick", select: { type: "point", fields: ["backend"] }, bind: "legend" };
const FADED = { condition: { param: "pick", value: 1 }, value: 0.12 };

const SPECIFICATIONS = {
  plane: (rows, pictures, narrow) => {
    const x = { field: "bandwidth", type: "quantitative", scale: { type: "log", nice: false, padding: 30 }, title: "GB/s (faster →)", axis: { tickCount: 5, labelExpr: "datum.value / 1e9" } };
    const y = { field: "ulp", type: "quantitative", scale: { type: "log", nice: false, padding: 25 }, title: "largest error, ulp (more accurate ↓)", axis: { format: "~g", tickCount: 5 } };
    const tooltip = hints(["backend", "shape", "bandwidth", "ulp", "front"]);
    const below = crowded(rows);
    const name = (test, dy) => ({
      transform: [{ filter: { field: "backend", oneOf: rows.map((row) => row.backend).filter(test) } }],
      mark: { type: "text", dy, fontSize: 11, color: palette().ink },
      encoding: { x, y, text: { field: "backend" }, opacity: FADED },
    });
    const names = rows.length > MANY || narrow ? [] : [name((each) => !below.has(each), -14), name((each) => below.has(each), 16)];
    return {
      height: 340,
      description: "Speed against largest error, a mark for each backend; a line joins what no other backend beats.",
      layer: [
        { transform: [{ filter: "datum.front" }], mark: { type: "line", strokeDash: [4, 3], opacity: 0.7, interpolate: "step-before", color: palette().soft }, encoding: { x, y } },
        {
          params: [PICK],
          mark: { type: "point", filled: true, size: 80 },
          encoding: { x, y, color: pictures.colour(rows, narrow), shape: pictures.shape(rows, narrow), opacity: FADED, size: { condition: { test: "datum.front", value: 150 }, value: 60 }, tooltip },
        },
        ...names,
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
      color: pictures.colour(rows, narrow),
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
      color: pictures.colour(rows, narrow),
      opacity: FADED,
      tooltip: hints(["backend", "error", "count"]),
    },
  }),
  // On a phone the checks go down, for which there is room, and the backends across.
  checks: (rows, _, narrow) => {
    const check = { field: "check", type: "nominal", title: null };
    const backend = { field: "backend", type: "nominal", title: null, sort: null };
    const across = (angle) => ({ axis: { labelAngle: angle, orient: "top", labelLimit: 120 } });
    return {
      height: { step: narrow ? 22 : 26 },
      description: "The gravest status of each check and backend, and how often.",
      encoding: {
        ...(narrow ? { x: { ...backend, ...across(-90) }, y: check } : { x: { ...check, ...across(-40) }, y: backend }),
        tooltip: hints(["backend", "check", "status", "count", "worst"]),
      },
      layer: [
        {
          mark: { type: "rect", cursor: "pointer", stroke: palette().surface, strokeWidth: 2 },
          encoding: { color: { field: "status", type: "nominal", scale: { domain: STATUSES, range: STATUSES.map((status) => css(`--mark-${status}`)) }, legend: { title: null, orient: "bottom", columns: narrow ? 4 : 7 } } },
        },
        {
          mark: { type: "text", fontSize: 10, fontWeight: "bold", cursor: "pointer" },
          encoding: { text: { field: "mark" }, color: { value: css("--mark-ink") } },
          transform: [{ calculate: "{pass: '✓', weak: 'w', known: 'k', skip: '–', timeout: 'T', fail: '✗', crash: '☠'}[datum.status]", as: "mark" }],
        },
      ],
    };
  },
  speeds: (rows, pictures, narrow) => {
    const known = rows.some((row) => row.share !== null);
    const axis = known ? { format: "~%", tickCount: 4 } : { labelExpr: "datum.value / 1e9", tickCount: 5 };
    const x = { type: "quantitative", scale: { type: "log", nice: false, padding: 12 }, title: known ? "share of the roof" : "GB/s" };
    const roof = { mark: { type: "rule", strokeWidth: 2, color: palette().ink }, encoding: { x: { ...x, datum: 1 } } };
    return {
      height: { step: 34 },
      description: "How fast each backend is by shape, as a share of the roof where one was measured.",
      layer: [
        {
          params: [PICK],
          mark: { type: "point", filled: true, size: 75 },
          encoding: {
            y: { field: "shape", type: "nominal", sort: { field: "elements" }, title: null },
            x: { ...x, field: known ? "share" : "bandwidth", axis },
            color: pictures.colour(rows, narrow),
            shape: pictures.shape(rows, narrow),
            opacity: FADED,
            tooltip: hints(["backend", "shape", "device", "cache", "seconds", "bandwidth", "share", "verified"]),
          },
        },
        ...(known ? [roof] : []),
      ],
    };
  },
  duels: (_, __, narrow) => ({
    height: { step: narrow ? 44 : 30 },
    description: "The ratio of speeds of each duel with its confidence interval.",
    transform: [{ calculate: "datum.backend + ' against ' + datum.against + ', ' + datum.workload", as: "pair" }],
    encoding: { y: { field: "pair", type: "nominal", sort: null, title: null, axis: narrow ? { labelLimit: 170, labelExpr: "split(datum.value, / against |, /)", labelFontSize: 11 } : { labelLimit: 420 } }, tooltip: hints(["backend", "against", "workload", "ratio", "low", "high", "verdict"]) },
    layer: [
      { mark: { type: "rule", strokeWidth: 3 }, encoding: { x: { field: "low", type: "quantitative", scale: { zero: false }, title: "times as fast (interval)", axis: { tickCount: narrow ? 4 : 9 } }, x2: { field: "high" } } },
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

const UNITS = { bandwidth: { title: "bytes/s", format: ".3~s" }, seconds: { title: "seconds", format: ".3~s" }, ulp: { title: "largest error, ulp", format: ".4~g" }, front: { title: "not beaten" } };

function hints(fields) {
  return fields.map((field) => ({ field, title: field, ...UNITS[field] }));
}

/** Backends whose names go below their marks, because a neighbour's name is above. */
function crowded(rows) {
  const places = rows.map(({ backend, bandwidth, ulp }) => ({ backend, x: Math.log(bandwidth), y: Math.log(Math.max(ulp, 1e-3)) }));
  const span = (axis) => Math.max(...places.map((place) => place[axis])) - Math.min(...places.map((place) => place[axis])) || 1;
  const [wide, high] = [span("x"), span("y")];
  const below = new Set();
  places.sort((one, other) => one.x - other.x);
  places.forEach((place, i) => {
    const near = places.slice(0, i).filter((other) => place.x - other.x < wide / 5 && Math.abs(place.y - other.y) < high / 10);
    if (near.length && !below.has(near.at(-1).backend)) below.add(place.backend);
  });
  return below;
}

function elements(shape) {
  return shape.split("x").reduce((product, side) => product * side, 1);
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
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: soft, tickColor: soft, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelFont: font, titleFont: font, labelSeparation: 5 },
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
