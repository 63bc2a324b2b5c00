// Elements from plain values. Texts become text nodes, never markup, wherever they come from.

/** An element with properties, `data-` and `aria-` attributes by their names, and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A number for people, to so many digits. */
export function shown(value, digits = 4) {
  if (value === null || value === undefined) return "·";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return value.toLocaleString("en-US").replace("-", "−");
  const rounded = Number(value.toPrecision(digits));
  const text = Math.abs(rounded) >= 1e6 ? rounded.toExponential() : rounded.toString();
  return text.replace("-", "−").replace("e−", "e-").replace("e+", "e");
}
