// The explorer: what softmax makes of logits in a format, beside the exact answer.

import { crossEntropy, jacobian, softmax } from "./algorithms.mjs";
import { Digits } from "./digits.mjs";
import { element } from "./elements.mjs";
import { answers } from "./exact.mjs";
import { FORMATS, parse } from "./formats.mjs";

const MOST = 16; // logits; the Jacobian has as many rows and columns
const DIGITS = { float64: 17, float32: 9, float16: 5, bfloat16: 4 }; // enough to tell numbers apart

const EXAMPLES = {
  plain: "1.6, 3.1, 0.5, -2, 2.9",
  large: "1000, 999, 995, 990",
  masked: "2, -inf, 0.5, -inf, 1",
  ties: "3, 3, 3",
};

export class Explorer {
  constructor(root, classifier) {
    this.root = root;
    this.at = (name) => root.querySelector(`[data-at="${name}"]`);
    this.label = 0;
    for (const control of ["logits", "temperature", "label"]) this.at(control).addEventListener("input", () => this.update());
    for (const input of root.querySelectorAll("input[type=radio]")) input.addEventListener("change", () => this.update());
    for (const button of root.querySelectorAll("[data-example]")) {
      button.addEventListener("click", () => this.take(EXAMPLES[button.dataset.example], button.dataset.example === "large"));
    }
    this.digits = new Digits(this.at("digits"), classifier, (logits) => this.take(logits.map((x) => x.toFixed(3)).join(", ")));
    this.update();
  }

  /** Show other logits; of large ones the naive formula, which cannot take them. */
  take(text, naive = false) {
    this.at("logits").value = text;
    if (naive) this.root.querySelector("input[value=naive]").checked = true;
    this.update();
  }

  chosen(name) {
    return this.root.querySelector(`input[name="${name}"]:checked`).value;
  }

  update() {
    const format = FORMATS[this.chosen("format")];
    const algorithm = this.chosen("algorithm");
    const temperature = parse(format, String(10 ** Number(this.at("temperature").value)));
    this.at("temperature-said").textContent = written(format, temperature);
    const { logits, trouble } = read(format, this.at("logits").value);
    this.at("trouble").textContent = trouble;
    this.at("logits").setAttribute("aria-invalid", String(trouble !== ""));
    if (trouble) return;
    const exact = answers(format, logits, temperature);
    const computed = softmax(format, algorithm, logits, temperature);
    this.bars(format, logits, computed.probabilities, exact);
    this.said(format, algorithm, logits, computed, exact);
    this.loss(format, computed.probabilities, exact);
    this.jacobian(format, jacobian(format, computed.probabilities, temperature), exact);
  }

  bars(format, logits, computed, exact) {
    const rows = logits.map((x, i) => {
      const right = exact ? exact.probabilities[i] : null;
      const ulps = right ? right.ulps(computed[i]) : Number.isNaN(computed[i]) ? 0 : Infinity;
      return element(
        "tr",
        {},
        element("th", { scope: "row", textContent: `${i}` }),
        element("td", { className: "number", textContent: written(format, x) }),
        element("td", { className: "bars" }, bar("computed", computed[i]), bar("exact", right ? right.rounded : NaN)),
        element("td", { className: "number computed-value", textContent: written(format, computed[i]) }),
        element("td", { className: "number exact-value", textContent: right ? written(format, right.rounded) : "NaN" }),
        element("td", { className: `number ulps ${ulps > 0.5 ? "off" : ""}`, textContent: inUlps(ulps) }),
      );
    });
    this.at("bars").replaceChildren(...rows);
  }

  said(format, algorithm, logits, { probabilities, sum }, exact) {
    const says = this.at("said");
    const nans = probabilities.filter(Number.isNaN).length;
    says.className = "said";
    if (!exact) says.textContent = "No answer exists: a NaN, +inf, or nothing but −inf among the logits gives NaN.";
    else if (nans || !Number.isFinite(sum) || sum === 0) {
      const why = sum === 0 ? "every exponential underflowed to 0" : "an exponential overflowed";
      says.textContent = `${capital(algorithm)} in ${format.name}: ${why}, the sum is ${written(format, sum)}, and ${nans || probabilities.length} of ${probabilities.length} results are wrong. Subtract the maximum first: choose stable.`;
      says.className = "said bad";
    } else {
      const worst = Math.max(...probabilities.map((p, i) => exact.probabilities[i].ulps(p)));
      says.textContent = `${capital(algorithm)} in ${format.name}: the sum of exponentials is ${written(format, sum)}; the largest error is ${inUlps(worst)} ulp${worst <= 0.5 ? ", as good as can be" : ""}.`;
    }
  }

  loss(format, computed, exact) {
    const choose = this.at("label");
    if (choose.options.length !== computed.length) {
      choose.replaceChildren(...computed.map((_, i) => element("option", { value: i, textContent: i })));
    }
    const label = Number(choose.value);
    const loss = crossEntropy(format, computed[label]);
    this.at("loss").textContent = written(format, loss);
    this.at("loss-exact").textContent = exact ? written(format, exact.losses[label].rounded) : "NaN";
    this.at("loss-ulps").textContent = exact ? inUlps(exact.losses[label].ulps(loss)) : "·";
  }

  jacobian(format, computed, exact) {
    const shown = this.chosen("matrix") === "exact" ? exact?.jacobian.map((row) => row.map((each) => each.rounded)) : computed;
    const table = this.at("jacobian");
    const largest = Math.max(...(shown ?? []).flat().map(Math.abs).filter(Number.isFinite), 0);
    const heading = (i) => element("th", { scope: "col", textContent: `∂x${i}` });
    const head = element("tr", {}, element("td"), ...computed.map((_, i) => heading(i)));
    const rows = computed.map((row, i) =>
      element(
        "tr",
        {},
        element("th", { scope: "row", textContent: `∂p${i}` }),
        ...row.map((_, j) => {
          const value = shown ? shown[i][j] : NaN;
          const cell = element("td", { className: value < 0 ? "number minus" : "number plus", textContent: short(value) });
          cell.style.setProperty("--share", largest > 0 && Number.isFinite(value) ? Math.abs(value) / largest : 0);
          return cell;
        }),
      ),
    );
    table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  }
}

function read(format, text) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const logits = words.map((word) => parse(format, word));
  const strange = words.filter((word, i) => Number.isNaN(logits[i]) && !/^nan$/i.test(word));
  if (!words.length) return { trouble: "Type numbers, with commas or spaces between them." };
  if (strange.length) return { trouble: `“${strange[0]}” is no number; write 1.5, -2e3, inf, -inf or nan.` };
  if (words.length > MOST) return { trouble: `These are ${words.length} logits; the explorer takes at most ${MOST}.` };
  return { logits, trouble: "" };
}

function bar(kind, p) {
  const share = Number.isFinite(p) ? Math.min(Math.max(p, 0), 1) : 0;
  const made = element("span", { className: `bar ${kind}`, "aria-hidden": "true" });
  made.style.setProperty("--share", share);
  return made;
}

/** A number of the format in the fewest digits that no other number of it has. */
function written(format, x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  for (let digits = 1; digits < DIGITS[format.name]; digits += 1) {
    const text = x.toPrecision(digits);
    if (parse(format, text.replace("+", "")) === x) return tidy(text);
  }
  return tidy(x.toPrecision(DIGITS[format.name]));
}

function tidy(text) {
  return Number(text).toString().replace("e+", "e").replace(/^-/, "−");
}

function short(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  if (x !== 0 && Math.abs(x) < 5e-4) return x.toExponential(0).replace(/^-/, "−");
  return x.toFixed(3).replace(/^-/, "−");
}

function inUlps(ulps) {
  if (!Number.isFinite(ulps)) return "∞";
  return ulps >= 1e5 ? ulps.toExponential(1).replace("+", "") : Number(ulps.toPrecision(3)).toString();
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}
