// The exact answers: enclosures in BigInt fixed point, narrowed until rounding is certain (Ziv's
// strategy). A value lies strictly between `low` and `high` units of 2^-scale, or is both.
//
// It ends, because no result but those of equal logits is rational (Lindemann and Weierstrass): none
// is a number of a format, or half way between two of them.

import { decompose, guardedScale, quantumExponent, bitLength, roundScaled } from "./formats.mjs";

const GUARD = 64n;
const HALVINGS = 16n;
const MOST_BITS = 40000;

/**
 * Softmax, its Jacobian and the cross-entropy of every class, of logits that are numbers of the format.
 *
 * Returns `probabilities`, `losses` and `jacobian` (rows of columns): objects with `rounded`, the exact
 * value rounded once, and `ulps(computed)`, the distance of a computed result. Null for NaN: a row
 * with NaN or +inf, or nothing but -inf.
 */
export function answers(format, logits, temperature) {
  if (logits.some((x) => Number.isNaN(x) || x === Infinity)) return null;
  if (!logits.some((x) => x > -Infinity)) return null;
  const row = new Row(format, logits, temperature);
  const all = logits.map((_, index) => index);
  return {
    probabilities: all.map((i) => row.settled((at) => at.probability(i))),
    losses: all.map((i) => (logits[i] === -Infinity ? infinite() : row.settled((at) => at.loss(i)))),
    jacobian: all.map((i) => all.map((j) => row.settled((at) => at.derivative(i, j), i !== j))),
  };
}

/** exp(x) of a double, rounded to the format once. */
export function exponential(format, x) {
  if (Number.isNaN(x)) return NaN;
  if (x === 0) return 1;
  if (x > 710) return Infinity; // beyond float64's range, and so beyond every format's
  if (x < -800) return 0; // below half of float64's smallest number
  const { numerator, denominator } = rational(x);
  return settle(format, (scale) => exp(numerator, denominator, scale)).rounded;
}

/** -log(x) of a double, rounded to the format once. */
export function negativeLogarithm(format, x) {
  if (x === 0) return Infinity;
  if (!(x > 0)) return NaN;
  if (x === 1) return 0;
  if (x === Infinity) return -Infinity;
  const { mantissa, exponent } = decompose(x);
  const power = BigInt(bitLength(mantissa) - 1);
  return settle(
    format,
    (scale) => {
      const value = logarithm(mantissa << (BigInt(scale) - power), BigInt(scale));
      const twos = (BigInt(exponent) + power) * logarithmOfTwo(BigInt(scale) + GUARD);
      const whole = { low: value.low + (twos >> GUARD) - 1n, high: value.high + (twos >> GUARD) + 2n };
      return x < 1 ? { low: -whole.high, high: -whole.low } : whole;
    },
    x > 1,
  ).rounded;
}

class Row {
  constructor(format, logits, temperature) {
    this.format = format;
    const finite = logits.filter((x) => x > -Infinity);
    this.top = rational(Math.max(...finite));
    this.equal = finite.every((x) => x === finite[0]);
    this.count = BigInt(finite.length);
    this.temperature = rational(temperature);
    this.logits = logits;
    this.at = new Map();
  }

  settled(enclose, negative = false) {
    return settle(this.format, (scale) => enclose(this.level(scale)), negative);
  }

  level(scale) {
    if (!this.at.has(scale)) this.at.set(scale, new Level(this, scale));
    return this.at.get(scale);
  }

  /** (maximum - logit) / temperature as a fraction: exact, whatever the logits. */
  gap(index) {
    const { numerator, denominator } = rational(this.logits[index]);
    const difference = this.top.numerator * denominator - numerator * this.top.denominator;
    return {
      numerator: difference * this.temperature.denominator,
      denominator: this.top.denominator * denominator * this.temperature.numerator,
    };
  }
}

/** The weights exp(-gap) of a row at one scale, and what follows from them. */
class Level {
  constructor(row, scale) {
    this.row = row;
    this.scale = BigInt(scale);
    this.one = 1n << this.scale;
    this.weights = row.logits.map((x, index) => this.weight(x, index));
    this.sum = total(this.weights);
  }

  weight(x, index) {
    if (x === -Infinity) return { low: 0n, high: 0n };
    const { numerator, denominator } = this.row.gap(index);
    return exp(-numerator, denominator, Number(this.scale));
  }

  probability(i) {
    const weight = this.weights[i];
    if (weight.high === 0n) return weight;
    if (this.row.equal) return fraction(this.one, this.row.count);
    return this.quotient(weight, this.sum);
  }

  /** The size of the derivative of probability i by logit j; off the diagonal it is negative. */
  derivative(i, j) {
    const { weights, row } = this;
    const { numerator, denominator } = row.temperature;
    if (weights[i].high === 0n || weights[j].high === 0n || row.count === 1n) return { low: 0n, high: 0n };
    if (row.equal) {
      const share = i === j ? row.count - 1n : 1n;
      return fraction(this.one * share * denominator, row.count ** 2n * numerator);
    }
    // 1 - p is the sum of the others: no cancellation.
    const other = i === j ? total(weights.filter((_, k) => k !== i)) : weights[j];
    const size = this.product(this.quotient(weights[i], this.sum), this.quotient(other, this.sum));
    return { low: (size.low * denominator) / numerator, high: (size.high * denominator) / numerator + 1n };
  }

  loss(i) {
    if (this.row.count === 1n) return { low: 0n, high: 0n };
    const low = logarithm(this.sum.low, this.scale).low;
    const high = logarithm(this.sum.high, this.scale).high;
    const { numerator, denominator } = this.row.gap(i);
    const gap = fraction(numerator << this.scale, denominator);
    // The logarithm is positive, so the gap itself is a bound: it tells on which side of a tie we are.
    return { low: gap.low + (low > 0n ? low : 0n), high: gap.high + high };
  }

  quotient(a, b) {
    // The upper end is no more than it must be: 1 / (2 + a trifle) lies below 1/2 and so in its binade.
    const low = (a.low << this.scale) / b.high;
    return { low, high: fraction(a.high << this.scale, b.low).high };
  }

  product(a, b) {
    return { low: (a.low * b.low) >> this.scale, high: ((a.high * b.high) >> this.scale) + 1n };
  }
}

function settle(format, enclose, negative = false) {
  const sign = negative ? -1 : 1;
  for (let scale = guardedScale(format); scale < MOST_BITS; scale *= 2) {
    const { low, high } = enclose(scale);
    const exact = low === high;
    const rounded = roundScaled(format, low, scale, !exact);
    // A value below `high` is rounded like one just above the unit before it.
    if (exact || rounded === roundScaled(format, high - 1n, scale, true)) {
      return {
        rounded: sign * rounded,
        ulps: (computed) => distance(format, sign * computed, { low, high, scale, rounded }),
      };
    }
  }
  throw new RangeError(`undecided at ${MOST_BITS} bits`);
}

/** |computed - exact| in ulps of the exact value: at least the spacing of subnormal numbers. */
function distance(format, computed, { low, high, scale, rounded }) {
  if (!Number.isFinite(computed)) return Object.is(computed, rounded) ? 0 : Infinity;
  const { negative, mantissa, exponent } = decompose(computed);
  const size = scaled(mantissa, exponent + scale + 1);
  const gap = (negative ? -size : size) - low - high; // twice the distance from the middle
  const inside = high > low ? high - 1n : high;
  // Of an exact zero the smallest number of the format.
  const leading = inside === 0n ? format.minExponent : bitLength(inside) - 1 - scale;
  const unit = quantumExponent(format, leading) + scale + 1;
  const ulps = Number(((gap < 0n ? -gap : gap) << 64n) >> BigInt(unit)) / 2 ** 64;
  return computed === rounded ? Math.min(ulps, 0.5) : ulps;
}

function infinite() {
  return { rounded: Infinity, ulps: (computed) => (computed === Infinity ? 0 : Infinity) };
}

/** A double as a fraction of BigInts. */
function rational(x) {
  const { negative, mantissa, exponent } = decompose(x);
  const size = negative ? -mantissa : mantissa;
  return exponent >= 0
    ? { numerator: size << BigInt(exponent), denominator: 1n }
    : { numerator: size, denominator: 1n << BigInt(-exponent) };
}

function scaled(mantissa, shift) {
  return shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
}

function fraction(numerator, denominator) {
  const low = numerator / denominator;
  return { low, high: low * denominator === numerator ? low : low + 1n };
}

function total(enclosures) {
  return {
    low: enclosures.reduce((sum, each) => sum + each.low, 0n),
    high: enclosures.reduce((sum, each) => sum + each.high, 0n),
  };
}

/** Enclose exp(numerator / denominator) in units of 2^-scale; exp(0) is exactly 1. */
function exp(numerator, denominator, scale) {
  const places = BigInt(scale) + GUARD;
  if (numerator === 0n) return { low: 1n << BigInt(scale), high: 1n << BigInt(scale) };
  // exp(-scale) < 2^-scale
  if (-numerator > denominator * BigInt(scale)) return { low: 0n, high: 1n };
  const exponent = floor(numerator << places, denominator);
  const ln2 = logarithmOfTwo(places);
  const power = floor(exponent, ln2);
  const value = series(exponent - power * ln2, places);
  // The exponent is off by a unit and ln2, taken `power` times, by as many: 2^16 units at the most. The
  // series adds some hundred, and each squaring doubles what there is and adds one: below 2^40.
  const error = 1n << 40n;
  const shift = GUARD - power;
  return {
    low: shift >= 0n ? (value - error) >> shift : (value - error) << -shift,
    high: (shift >= 0n ? (value + error) >> shift : (value + error) << -shift) + 1n,
  };
}

/** exp(rest) for 0 <= rest < ln 2, by Taylor's series of rest / 2^16, squared sixteen times. */
function series(rest, places) {
  const small = rest >> HALVINGS;
  let term = 1n << places;
  let sum = term;
  for (let n = 1n; term > 0n; n += 1n) {
    term = ((term * small) >> places) / n;
    sum += term;
  }
  for (let i = 0n; i < HALVINGS; i += 1n) sum = (sum * sum) >> places;
  return sum;
}

/** Enclose the natural logarithm of `units` / 2^scale >= 1. */
function logarithm(units, scale) {
  const places = scale + GUARD;
  const power = BigInt(bitLength(units) - 1) - scale;
  const one = 1n << places;
  const value = power >= GUARD ? units >> (power - GUARD) : units << (GUARD - power);
  // log t = 2 artanh((t - 1) / (t + 1)), and the ratio is at most 1/3.
  const ratio = ((value - one) << places) / (value + one);
  const logarithmOfValue = 2n * artanh(ratio, places) + power * logarithmOfTwo(places);
  return { low: (logarithmOfValue - (1n << 40n)) >> GUARD, high: ((logarithmOfValue + (1n << 40n)) >> GUARD) + 1n };
}

function artanh(ratio, places) {
  const square = (ratio * ratio) >> places;
  let power = ratio;
  let sum = 0n;
  for (let n = 1n; power > 0n; n += 2n) {
    sum += power / n;
    power = (power * square) >> places;
  }
  return sum;
}

const kept = new Map();

/** ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749), off by less than a unit. */
function logarithmOfTwo(places) {
  if (!kept.has(places)) {
    const finer = places + 32n;
    const part = (n) => artanh((1n << finer) / n, finer);
    kept.set(places, (18n * part(26n) - 2n * part(4801n) + 8n * part(8749n)) >> 32n);
  }
  return kept.get(places);
}

function floor(numerator, denominator) {
  const quotient = numerator / denominator;
  return numerator < 0n && quotient * denominator !== numerator ? quotient - 1n : quotient;
}
