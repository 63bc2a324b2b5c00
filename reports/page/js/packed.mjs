// Tables as they travel: base64 of gzip of JSON, a list of values or numbered words for each column.

/** The columns of a packed table by name, each with `at(row)`, and the number of rows. */
export async function unpack(text, names) {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const table = JSON.parse(await new Response(stream).text());
  const columns = new Map(names.map((name) => [name, new Column(table[name])]));
  return { columns, rows: columns.get(names[0]).length };
}

const SPECIAL = new Map([
  ["inf", Infinity],
  ["-inf", -Infinity],
  ["nan", NaN],
]);

class Column {
  constructor({ words, codes, values }) {
    this.words = words ?? null;
    this.codes = codes;
    // In JSON an infinity or a NaN is a word.
    this.values = values?.map((value) => SPECIAL.get(value) ?? value);
    this.length = (codes ?? values).length;
  }

  at(row) {
    return this.words ? this.words[this.codes[row]] : this.values[row];
  }

  /** Which rows a test of values leaves: a word is tested once, however often it stands there. */
  test(passes) {
    if (!this.words) return (row) => passes(this.values[row]);
    const passed = this.words.map(passes);
    return (row) => passed[this.codes[row]];
  }

  /** What compares two rows: absent values last, NaN above every number. */
  comparison(descending) {
    const sign = descending ? -1 : 1;
    if (this.words) {
      const order = [...this.words.keys()].sort((a, b) => compareTexts(this.words[a], this.words[b]));
      const rank = [];
      order.forEach((code, place) => (rank[code] = place));
      return (a, b) => sign * (rank[this.codes[a]] - rank[this.codes[b]]);
    }
    return (a, b) => compareValues(this.values[a], this.values[b], sign);
  }
}

const collator = new Intl.Collator("en", { numeric: true });

function compareTexts(a, b) {
  return collator.compare(a, b);
}

function compareValues(a, b, sign) {
  const absentA = a === null || a === undefined;
  const absentB = b === null || b === undefined;
  if (absentA || absentB) return Number(absentA) - Number(absentB);
  if (typeof a === "string" || typeof b === "string") return sign * compareTexts(String(a), String(b));
  if (Number.isNaN(a) || Number.isNaN(b)) return sign * (Number(Number.isNaN(a)) - Number(Number.isNaN(b)));
  return a === b ? 0 : sign * (a < b ? -1 : 1);
}
