#!/usr/bin/env node
// Fails when more of the code than the threshold stands in it twice: `node tools/duplicates.mjs`, `-- --list` for each pair.
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { detectClonesAndStatistic } = require('jscpd');
const root = fileURLToPath(new URL('..', import.meta.url));

/** Lines in a pair, of all lines of code, where a pair is at least five lines and fifty tokens (jscpd's own default). It was 0.53 before there was a
 * threshold; it falls with each mend. */
const THRESHOLD_PERCENT = 0.35;

/** jscpd's own store makes an error with a stack for each token that is new, which takes longer than all else. */
class TokenStore {
  static #MISSING = new Error('not found');
  #namespaces = new Map();
  #values = new Map();
  namespace(name) {
    this.#values = this.#namespaces.get(name) ?? new Map();
    this.#namespaces.set(name, this.#values);
  }
  get(key) {
    const value = this.#values.get(key);
    return value === undefined ? Promise.reject(TokenStore.#MISSING) : Promise.resolve(value);
  }
  set(key, value) {
    this.#values.set(key, value);
    return Promise.resolve(value);
  }
  close() {}
}

const { clones, statistic } = await detectClonesAndStatistic(
  {
    path: ['apps', 'libs', 'tests', 'tools', 'infra', 'docs'].map((folder) => `${root}${folder}`),
    format: ['typescript', 'javascript'],
    ignore: ['**/node_modules/**', '**/dist/**', '**/.vitepress/**', '**/dashboard/src/api/schema.d.ts'],
    reporters: [],
    silent: true,
    hashFunction: (text) => hash('md5', text),
    minTokens: 50,
    minLines: 5,
  },
  new TokenStore(),
);

const { lines, duplicatedLines } = statistic.total;
const percent = (100 * duplicatedLines) / lines;
const isTooMuch = percent > THRESHOLD_PERCENT;
if (isTooMuch || process.argv.includes('--list')) {
  const placeOf = (sourceId, { start, end }) => `${relative(root, sourceId)}:${start.line}-${end.line}`;
  const sizeOf = ({ duplicationA: { start, end } }) => end.line - start.line;
  const ordered = clones.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  for (const { duplicationA, duplicationB } of ordered)
    console.log(`${placeOf(duplicationA.sourceId, duplicationA)} ~ ${placeOf(duplicationB.sourceId, duplicationB)}`);
}
console.log(
  `${duplicatedLines} of ${lines} lines stand twice: ${percent.toFixed(2)} %, at most ${THRESHOLD_PERCENT} % may`,
);
process.exitCode = isTooMuch ? 1 : 0;
