// A picture of eight by eight pixels that one can draw in, and a classifier that looks at it.

import { element } from "./elements.mjs";

const SIDE = 8;
const FULL = 16;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class Digits {
  constructor(root, classifier, tell) {
    this.classifier = classifier;
    this.tell = tell;
    this.next = 0;
    this.cells = Array.from({ length: SIDE * SIDE }, (_, place) => this.cell(place));
    const rows = Array.from({ length: SIDE }, (_, row) =>
      element("div", { role: "row" }, ...this.cells.slice(row * SIDE, (row + 1) * SIDE)),
    );
    this.grid = element("div", { className: "pixels", role: "grid", "aria-label": "Digit of 8 by 8 pixels: arrow keys move, space draws" }, ...rows);
    this.said = element("p", { className: "said", role: "status" });
    const take = element("button", { type: "button", textContent: "Next digit", "data-do": "digit" });
    const clear = element("button", { type: "button", textContent: "Clear" });
    take.addEventListener("click", () => this.take());
    clear.addEventListener("click", () => this.set(new Array(SIDE * SIDE).fill(0), null));
    root.append(this.grid, element("div", { className: "toolbar" }, take, clear), this.said);
    this.draw();
    this.set(this.picture(0), null, false);
  }

  cell(place) {
    const made = element("button", { type: "button", role: "gridcell", tabIndex: place === 0 ? 0 : -1 });
    made.addEventListener("keydown", (event) => this.key(event, place));
    return made;
  }

  draw() {
    let ink = null; // what the pointer leaves behind while it is down
    const touch = (target) => {
      const place = this.cells.indexOf(target);
      if (place < 0) return;
      ink ??= this.pixels[place] > 0 ? 0 : FULL;
      if (this.pixels[place] !== ink) this.ink(place, ink);
    };
    this.grid.addEventListener("pointerdown", (event) => {
      event.target.releasePointerCapture?.(event.pointerId);
      touch(event.target);
    });
    this.grid.addEventListener("pointermove", (event) => {
      if (ink !== null) touch(document.elementFromPoint(event.clientX, event.clientY));
    });
    window.addEventListener("pointerup", () => (ink = null));
    window.addEventListener("pointercancel", () => (ink = null));
  }

  key(event, place) {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      this.ink(place, this.pixels[place] > 0 ? 0 : FULL);
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const row = Math.floor(place / SIDE) + step[0];
    const column = (place % SIDE) + step[1];
    if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) return;
    this.cells[place].tabIndex = -1;
    const next = this.cells[row * SIDE + column];
    next.tabIndex = 0;
    next.focus();
  }

  ink(place, ink) {
    this.set(this.pixels.map((old, other) => (other === place ? ink : old)), null);
  }

  take() {
    this.next = (this.next + 1) % this.classifier.images.length;
    this.set(this.picture(this.next), this.classifier.labels[this.next]);
  }

  /** Pixels from 0 to 16: a letter each, from a to q. */
  picture(index) {
    return [...this.classifier.images[index]].map((letter) => letter.charCodeAt(0) - 97);
  }

  set(pixels, label, tell = true) {
    this.pixels = pixels;
    pixels.forEach((ink, place) => {
      const cell = this.cells[place];
      cell.style.setProperty("--ink-share", ink / FULL);
      cell.setAttribute("aria-label", `row ${Math.floor(place / SIDE) + 1}, column ${(place % SIDE) + 1}: ${Math.round((100 * ink) / FULL)} %`);
    });
    if (!tell) return;
    const logits = this.logits();
    const guess = logits.indexOf(Math.max(...logits));
    const truth = label === null ? "" : `; it is a ${label}`;
    this.said.textContent = `The classifier reads ${guess}${truth}. Its ten logits are in the explorer.`;
    this.tell(logits);
  }

  /** The classifier's logits: one hidden layer of rectified linear units. */
  logits() {
    const { weights, biases } = this.classifier;
    const hidden = layer(this.pixels.map((ink) => ink / FULL), weights[0], biases[0]);
    return layer(hidden.map((x) => Math.max(x, 0)), weights[1], biases[1]);
  }
}

function layer(inputs, weights, biases) {
  return biases.map((bias, j) => inputs.reduce((sum, x, i) => sum + x * weights[i][j], bias));
}
