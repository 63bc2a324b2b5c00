// Reads questions from standard input and answers them with the page's own arithmetic. Numbers travel
// as the hexadecimal bits of doubles, so that none is lost on the way.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const { FORMATS, parse, round } = await import(new URL("formats.mjs", folder));
const { answers, exponential } = await import(new URL("exact.mjs", folder));
const { crossEntropy, jacobian, softmax } = await import(new URL("algorithms.mjs", folder));

const view = new DataView(new ArrayBuffer(8));

function number(bits) {
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

function bits(x) {
  view.setFloat64(0, x);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

const ASK = {
  round: ({ format, values }) => values.map((x) => bits(round(FORMATS[format], number(x)))),
  parse: ({ format, texts }) => texts.map((text) => bits(parse(FORMATS[format], text))),
  exp: ({ format, values }) => values.map((x) => bits(exponential(FORMATS[format], number(x)))),
  exact: ({ format, logits, temperature, computed }) => {
    const found = answers(FORMATS[format], logits.map(number), number(temperature));
    if (found === null) return null;
    return {
      probabilities: found.probabilities.map((each) => bits(each.rounded)),
      losses: found.losses.map((each) => bits(each.rounded)),
      jacobian: found.jacobian.map((row) => row.map((each) => bits(each.rounded))),
      ulps: (computed ?? []).map((x, index) => bits(found.probabilities[index].ulps(number(x)))),
    };
  },
  computed: ({ format, algorithm, logits, temperature }) => {
    const kind = FORMATS[format];
    const found = softmax(kind, algorithm, logits.map(number), number(temperature)).probabilities;
    return {
      probabilities: found.map(bits),
      jacobian: jacobian(kind, found, number(temperature)).map((row) => row.map(bits)),
      losses: found.map((p) => bits(crossEntropy(kind, p))),
    };
  },
};

const questions = JSON.parse(readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(questions.map((each) => ASK[each.ask](each))));
