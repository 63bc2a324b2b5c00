// Floating-point formats as data, and rounding to them: once, to nearest, ties to even, with gradual
// underflow. Numbers of every format are kept as JavaScript's doubles, which hold them all exactly.

export const FORMATS = Object.freeze({
  float64: Object.freeze({ name: "float64", precision: 53, minExponent: -1022, maxExponent: 1023 }),
  float32: Object.freeze({ name: "float32", precision: 24, minExponent: -126, maxExponent: 127 }),
  float16: Object.freeze({ name: "float16", precision: 11, minExponent: -14, maxExponent: 15 }),
  bfloat16: Object.freeze({ name: "bfloat16", precision: 8, minExponent: -126, maxExponent: 127 }),
});

const view = new DataView(new ArrayBuffer(8));

/** The fields of a finite double: |x| is mantissa * 2^exponent, with a BigInt mantissa below 2^53. */
export function decompose(x) {
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return {
    negative: bits >> 63n === 1n,
    mantissa: biased === 0 ? fraction : fraction | (1n << 52n),
    exponent: Math.max(biased, 1) - 1075,
  };
}

/** 2^exponent as a double, exact from -1074 to 1023. Math.pow promises no such thing. */
export function powerOfTwo(exponent) {
  view.setBigUint64(0, exponent >= -1022 ? BigInt(exponent + 1023) << 52n : 1n << BigInt(exponent + 1074));
  return view.getFloat64(0);
}

/** The exponent of the last place of numbers whose leading bit is worth 2^exponent. */
export function quantumExponent(format, exponent) {
  return Math.max(exponent, format.minExponent) - format.precision + 1;
}

/** A double rounded to the format. */
export function round(format, x) {
  if (format.precision === 53 || x === 0 || !Number.isFinite(x)) return x;
  const size = Math.abs(x);
  const quantum = powerOfTwo(quantumExponent(format, exponentOf(size)));
  const units = size / quantum; // exact: a power of two, and below 2^precision
  const below = Math.floor(units);
  const rest = units - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  const rounded = (below + (up ? 1 : 0)) * quantum;
  return Math.sign(x) * (rounded > largest(format) ? Infinity : rounded);
}

/** The largest finite number of the format. */
export function largest(format) {
  return (2 - powerOfTwo(1 - format.precision)) * powerOfTwo(format.maxExponent);
}

/**
 * (units + sticky) / 2^scale rounded to the format, for a BigInt `units` >= 0.
 *
 * `sticky` says that the value lies strictly between `units` and `units + 1`. The scale must reach at
 * least two bits below the format's smallest number.
 */
export function roundScaled(format, units, scale, sticky = false) {
  if (units === 0n) return 0;
  const exponent = bitLength(units) - 1 - scale;
  const quantum = quantumExponent(format, exponent);
  const dropped = BigInt(quantum + scale);
  if (dropped < 2n) throw new RangeError(`a scale of ${scale} bits is too coarse for ${format.name}`);
  const kept = units >> dropped;
  const rest = units - (kept << dropped);
  const half = 1n << (dropped - 1n);
  const up = rest > half || (rest === half && (sticky || kept % 2n === 1n));
  const whole = kept + (up ? 1n : 0n);
  if (bitLength(whole) + quantum - 1 > format.maxExponent) return Infinity;
  return Number(whole) * powerOfTwo(quantum);
}

/** A decimal text rounded to the format once: never by way of a double. NaN if it is no number. */
export function parse(format, text) {
  const word = text.trim().toLowerCase().replace("−", "-");
  const infinite = /^([+-]?)inf(inity)?$/.exec(word);
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity;
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,4}))?$/.exec(word);
  if (!match || match[2] + match[3] === "") return NaN;
  const digits = BigInt(match[2] + match[3]);
  const power = Number(match[4] ?? 0) - match[3].length;
  const scale = guardedScale(format);
  const numerator = digits * 10n ** BigInt(Math.max(power, 0)) << BigInt(scale);
  const denominator = 10n ** BigInt(Math.max(-power, 0));
  const size = roundScaled(format, numerator / denominator, scale, numerator % denominator !== 0n);
  return match[1] === "-" ? -size : size;
}

/** How many bits after the point hold every number of the format, and 128 to spare. */
export function guardedScale(format) {
  return format.precision - format.minExponent + 128;
}

export function bitLength(n) {
  const hex = n.toString(16);
  return hex.length * 4 - Math.clz32(parseInt(hex[0], 16)) + 28;
}

function exponentOf(size) {
  view.setFloat64(0, size);
  return Math.max(view.getUint16(0) >> 4, 1) - 1023;
}
