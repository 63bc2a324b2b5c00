// A table that is sorted by its headings, filtered by its columns and shown a page at a time.

import { element, shown } from "./elements.mjs";
import { unpack } from "./packed.mjs";

const CHOICES = 40; // a column of no more words is filtered by a list
const PAGES = [25, 100, 500];
const FULL = new Set(["case", "worst", "evidence", "message", "replay"]);

export class DataTable {
  constructor(place, columns, data) {
    this.place = place;
    this.meta = columns;
    this.data = data;
    this.filters = new Map();
    this.search = "";
    this.sorted = null;
    this.page = 0;
    this.size = PAGES[0];
    this.ready = null;
  }

  /** Unpack the table and show it; the first call does, the others wait for it. */
  show() {
    this.ready ??= this.begin();
    return this.ready;
  }

  /** Show only rows whose columns have these values. */
  filter(values) {
    this.filters.clear();
    this.search = "";
    for (const [name, input] of this.inputs) input.value = values[name] ?? "";
    for (const [name, value] of Object.entries(values)) this.setFilter(name, value, true);
    this.searchBox.value = "";
    this.update();
  }

  async begin() {
    const names = this.meta.map((column) => column.name);
    Object.assign(this, await unpack(this.data.textContent, names));
    this.visible = this.meta.filter((column) => column.shown);
    this.body = element("tbody");
    this.said = element("p", { className: "said", role: "status" });
    this.inputs = new Map();
    const table = element(
      "table",
      { className: "data" },
      element("caption", { className: "hidden", textContent: this.place.dataset.title }),
      element("thead", {}, this.headings(), this.filterRow()),
      this.body,
    );
    const scroller = element("div", {
      className: "scroller",
      tabIndex: 0,
      role: "region",
      "aria-label": `${this.place.dataset.title}: scrolls sideways`,
    });
    scroller.append(table);
    this.place.replaceChildren(this.toolbar(), scroller, this.pager());
    this.update();
  }

  toolbar() {
    this.searchBox = element("input", { type: "search", placeholder: "in any column" });
    this.searchBox.addEventListener("input", () => {
      this.search = this.searchBox.value.toLowerCase();
      this.update();
    });
    const clear = element("button", { type: "button", textContent: "Clear filters" });
    clear.addEventListener("click", () => this.filter({}));
    return element("div", { className: "toolbar" }, element("label", {}, "Search ", this.searchBox), clear, this.said);
  }

  headings() {
    const row = element("tr");
    if (this.meta.some((column) => !column.shown)) row.append(element("td"));
    for (const { name, doc, number } of this.visible) {
      const button = element("button", { type: "button", textContent: name.replaceAll("_", " "), title: doc });
      button.addEventListener("click", () => this.sortBy(name, number));
      row.append(element("th", { scope: "col", "aria-sort": "none", "data-column": name }, button));
    }
    this.head = row;
    return row;
  }

  filterRow() {
    const row = element("tr", { className: "filters" });
    if (this.meta.some((column) => !column.shown)) row.append(element("td"));
    for (const { name, number } of this.visible) {
      const input = this.filterInput(name, number);
      this.inputs.set(name, input);
      row.append(element("td", {}, input));
    }
    return row;
  }

  filterInput(name, number) {
    const label = `Filter by ${name.replaceAll("_", " ")}`;
    const { words } = this.columns.get(name);
    if (words && words.length <= CHOICES && !number) {
      const options = [...words].sort().map((word) => element("option", { value: word, textContent: word }));
      const select = element("select", { "aria-label": label }, element("option", { value: "", textContent: "all" }), ...options);
      select.addEventListener("change", () => this.changed(name, select.value, true));
      return select;
    }
    const input = element("input", { type: "text", placeholder: number ? "e.g. > 10" : "contains", "aria-label": label });
    input.addEventListener("input", () => this.changed(name, input.value, false));
    return input;
  }

  changed(name, value, whole) {
    this.setFilter(name, value, whole);
    this.update();
  }

  setFilter(name, value, whole) {
    const column = this.columns.get(name);
    if (value === "") this.filters.delete(name);
    else this.filters.set(name, column.test(whole ? (each) => each === value : condition(value)));
    this.page = 0;
  }

  sortBy(name, number) {
    const descending = this.sorted?.name === name ? !this.sorted.descending : number;
    this.sorted = { name, descending };
    for (const heading of this.head.querySelectorAll("th")) {
      const here = heading.dataset.column === name;
      heading.setAttribute("aria-sort", here ? (descending ? "descending" : "ascending") : "none");
    }
    this.page = 0;
    this.update();
  }

  update() {
    const tests = [...this.filters.values()];
    if (this.search) tests.push(this.searching());
    this.order = [];
    for (let row = 0; row < this.rows; row += 1) if (tests.every((test) => test(row))) this.order.push(row);
    if (this.sorted) this.order.sort(this.columns.get(this.sorted.name).comparison(this.sorted.descending));
    this.paint();
  }

  searching() {
    const contains = (value) => String(value ?? "").toLowerCase().includes(this.search);
    const tests = [...this.columns.values()].map((column) => column.test(contains));
    return (row) => tests.some((test) => test(row));
  }

  paint() {
    const pages = Math.max(Math.ceil(this.order.length / this.size), 1);
    this.page = Math.min(this.page, pages - 1);
    const first = this.page * this.size;
    const rows = this.order.slice(first, first + this.size);
    this.body.replaceChildren(...rows.map((row) => this.line(row)));
    const total = this.rows.toLocaleString("en-US");
    const found = this.order.length.toLocaleString("en-US");
    this.said.textContent = rows.length
      ? `Rows ${(first + 1).toLocaleString("en-US")} to ${(first + rows.length).toLocaleString("en-US")} of ${found}` +
        (this.order.length < this.rows ? ` (${total} unfiltered)` : "")
      : `No row of ${total} is left by the filters.`;
    this.back.disabled = this.page === 0;
    this.next.disabled = this.page === pages - 1;
  }

  line(row) {
    const line = element("tr");
    if (this.meta.some((column) => !column.shown)) {
      const button = element("button", { type: "button", textContent: "+", "aria-expanded": "false", "aria-label": "All fields of this row" });
      button.addEventListener("click", () => this.toggle(line, row, button));
      line.append(element("td", {}, button));
    }
    for (const { name, number } of this.visible) {
      const value = this.columns.get(name).at(row);
      const cell = element("td", { className: number ? "number" : "", textContent: shown(value) });
      if (name === "status" || name === "verdict") cell.className = `status ${value.split(" ")[0]}`;
      if (name === "message") cell.replaceChildren(element("span", { className: "message", textContent: value, title: value }));
      line.append(cell);
    }
    return line;
  }

  toggle(line, row, button) {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    button.textContent = open ? "+" : "–";
    if (open) line.nextElementSibling.remove();
    else line.after(element("tr", { className: "fields" }, element("td", { colSpan: this.visible.length + 1 }, this.fields(row))));
  }

  fields(row) {
    const list = element("dl");
    const at = (name) => this.columns.get(name)?.at(row);
    for (const { name, doc } of this.meta) {
      let value = at(name);
      if (value === null || value === "") continue;
      if (name === "replay") value = value.replace("{case}", () => at("case"));
      const said = FULL.has(name) ? String(value) : shown(value, 9);
      const code = name === "replay" || name === "case";
      const children = [element(code ? "code" : "span", { textContent: said })];
      if (name === "replay") children.push(element("button", { type: "button", textContent: "Copy", "data-copy": "" }));
      list.append(element("dt", { textContent: name.replaceAll("_", " "), title: doc }), element("dd", {}, ...children));
    }
    return list;
  }

  pager() {
    this.back = element("button", { type: "button", textContent: "Back" });
    this.next = element("button", { type: "button", textContent: "Next" });
    this.back.addEventListener("click", () => this.turn(-1));
    this.next.addEventListener("click", () => this.turn(1));
    const options = PAGES.map((size) => element("option", { value: size, textContent: size }));
    const select = element("select", {}, ...options);
    select.addEventListener("change", () => {
      this.size = Number(select.value);
      this.paint();
    });
    return element("div", { className: "toolbar" }, this.back, this.next, element("label", {}, "Rows a page ", select));
  }

  turn(pages) {
    this.page += pages;
    this.paint();
  }
}

/** A test of values from a text: "> 10", "<= 2", "= 5" compare numbers, anything else is looked for. */
function condition(text) {
  const match = /^\s*(<=|>=|<|>|=)\s*([-+\d.eE]+|inf)\s*$/.exec(text);
  if (match) {
    const limit = match[2] === "inf" ? Infinity : Number(match[2]);
    const compare = { "<": (x) => x < limit, ">": (x) => x > limit, "<=": (x) => x <= limit, ">=": (x) => x >= limit, "=": (x) => x === limit }[match[1]];
    return (value) => typeof value === "number" && compare(value);
  }
  const word = text.toLowerCase();
  return (value) => String(value ?? "").toLowerCase().includes(word);
}
