// Softmax as programs compute it, in the arithmetic of a format: each operation is rounded once, sums
// run from the first element to the last, and exp is as good as can be, the exact one rounded once. So
// what is seen to go wrong is the algorithm's doing. A double is wide enough that rounding its result
// of +, -, * and / again is as good as rounding the exact one (2p + 2 <= 53: Figueroa 1995).

import { round } from "./formats.mjs";
import { exponential, negativeLogarithm } from "./exact.mjs";

class Arithmetic {
  constructor(format) {
    this.format = format;
  }
  add(a, b) {
    return round(this.format, a + b);
  }
  subtract(a, b) {
    return round(this.format, a - b);
  }
  multiply(a, b) {
    return round(this.format, a * b);
  }
  divide(a, b) {
    return round(this.format, a / b);
  }
  exp(x) {
    return exponential(this.format, x);
  }
}

/** As a textbook has it: the exponentials of the logits over their sum. */
function naive(arithmetic, logits, temperature) {
  const weights = logits.map((x) => arithmetic.exp(arithmetic.divide(x, temperature)));
  const sum = weights.reduce((a, b) => arithmetic.add(a, b));
  return { sum, probabilities: weights.map((weight) => arithmetic.divide(weight, sum)) };
}

/** With the maximum subtracted first, so that no exponential exceeds 1. */
function stable(arithmetic, logits, temperature) {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const weights = shiftedWeights(arithmetic, logits, top, temperature);
  const sum = weights.reduce((a, b) => arithmetic.add(a, b));
  return { sum, probabilities: weights.map((weight) => arithmetic.divide(weight, sum)) };
}

/** Maximum and sum in one pass: the sum is scaled down where a larger maximum turns up. */
function online(arithmetic, logits, temperature) {
  let top = -Infinity;
  let sum = 0;
  for (const x of logits) {
    if (x === -Infinity) continue; // masked: -inf less -inf would be NaN
    if (x > top) {
      const scale = top === -Infinity ? 0 : shiftedWeights(arithmetic, [top], x, temperature)[0];
      sum = arithmetic.add(arithmetic.multiply(sum, scale), 1);
      top = x;
    } else {
      sum = arithmetic.add(sum, shiftedWeights(arithmetic, [x], top, temperature)[0]);
    }
  }
  const weights = shiftedWeights(arithmetic, logits, top, temperature);
  return { sum, probabilities: weights.map((weight) => arithmetic.divide(weight, sum)) };
}

function shiftedWeights(arithmetic, logits, top, temperature) {
  return logits.map((x) =>
    arithmetic.exp(arithmetic.divide(arithmetic.subtract(x, top), temperature)),
  );
}

export const ALGORITHMS = Object.freeze({ naive, stable, online });

/**
 * What an algorithm computes: `probabilities`, and the `sum` of exponentials that it divides by.
 * Logits and temperature are numbers of the format.
 */
export function softmax(format, algorithm, logits, temperature) {
  return ALGORITHMS[algorithm](new Arithmetic(format), logits, temperature);
}

/** The Jacobian p_i ((i = j) - p_j) / temperature as one computes it from probabilities. */
export function jacobian(format, computed, temperature) {
  const arithmetic = new Arithmetic(format);
  const entry = (p, q, same) => arithmetic.multiply(p, arithmetic.subtract(same ? 1 : 0, q));
  return computed.map((p, i) =>
    computed.map((q, j) => arithmetic.divide(entry(p, q, i === j), temperature)),
  );
}

/** The cross-entropy -log(p) of a class as one computes it from its probability. */
export function crossEntropy(format, probability) {
  return negativeLogarithm(format, probability);
}
