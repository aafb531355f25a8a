#!/usr/bin/env node
// Sets everything up and runs the tests: `npm test`, or `node tools/test.mjs unit|int|ordinary|contract|s3|fuzz|hostile|hostile-ordinary|e2e|faults`.
import { fileURLToPath } from 'node:url';
import { ensureReady } from './bootstrap.mjs';
import { failuresSeen } from './failures-seen.mjs';
import { ordinaryUser } from './ordinary-user.mjs';
import { afterSecondTries, secondTries } from './second-try.mjs';
import { runProgram, sideBySide } from './side-by-side.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** A worker begins anew where its heap has grown to this: modules of specs that are over stay in it, 60 MB for each file, and the collector of a heap of gigabytes stops everything for seconds. Of a whole suite only: where a few files are named, Jest runs them in its own process if it likes, and says what they leak. */
const ANEW = '--workerIdleMemoryLimit=800MB';
/** The suites, in the order of a full run. `weight`: how many of two cores it keeps busy; suites of weight 1 run two at a time. */
const SUITES = {
  // Servers and processes wait for one another: both cores are used only by two specs at once. First, because at the end it would wait for both cores.
  int: { projects: ['int'], weight: 2, args: ['--maxWorkers=2', ANEW, '--testTimeout=60000'] },
  // What instances owe to their users, once more for the agent of an ordinary user; where nobody is root, `int` is that already.
  ordinary: {
    projects: ['int'],
    weight: 2,
    isOrdinaryUser: true,
    files: [
      'libs/drivers/',
      'agent-failures',
      'agent-output',
      'agent-disk',
      'agent-slots',
      'agent-images',
      'agent-consistency',
      'agent-saved-states',
    ],
    args: ['--maxWorkers=2', ANEW, '--testTimeout=60000'],
  },
  // On two cores Jest takes one process for it, and so notices a spec that leaks.
  // A property of a hundred runs takes 5 s, the default, where other suites have both cores.
  // Modules of specs that are over stay in that one process: more than the four gigabytes that Node.js gives a heap by itself.
  unit: { projects: ['spec'], weight: 1, heapMB: 8192, args: ['--testTimeout=20000'] },
  // One platform for all of it; the reporter prints the contract's rows. FORNAX_CONTRACT_OBJECTS=versitygw: its objects lie on an S3 service.
  contract: {
    projects: ['contract'],
    weight: 1,
    // As a part of everything in CI: once more with a process for each service, and with objects on an S3 service.
    passesOfAllInCi: [{}, { FORNAX_SERVICES: '1', FORNAX_CONTRACT_OBJECTS: 'versitygw' }],
    // A list of reporters takes in every word that follows: another option must.
    args: [
      '--reporters=default',
      '--reporters=./tools/contract-reporter.mjs',
      // One file at a time: two that each hold a core and wait for another one would wait for ever on two cores.
      '--maxWorkers=1',
      '--testTimeout=120000',
    ],
  },
  // Public S3 clients and a public suite: a quarter of an hour, so only when it is named (`npm run test:s3`).
  s3: { projects: ['s3'], weight: 2, args: ['--maxWorkers=1', '--testTimeout=120000'], isOnlyByName: true },
  fuzz: { projects: ['fuzz'], weight: 1, args: ['--runInBand', '--testTimeout=120000'] },
  // Strangers, tenants, instances and nodes attack one platform, then one with a process for each service.
  hostile: {
    projects: ['hostile'],
    weight: 1,
    args: ['--runInBand', '--testTimeout=120000'],
    passes: [{}, { FORNAX_SERVICES: '1' }],
  },
  // Instances that attack, once more on a platform of an ordinary user, which isolates them by other means; where nobody is root, `hostile` is that already.
  // By itself: without control groups of its own nothing bounds how many processes an instance of such a user has, and all others would wait for them.
  'hostile-ordinary': {
    projects: ['hostile'],
    weight: 2,
    isOrdinaryUser: true,
    files: ['instance-attacks', 'instance.hostile'],
    args: ['--runInBand', '--testTimeout=120000'],
    passesOfAllInCi: [{}, { FORNAX_SERVICES: '1' }],
  },
  // Each platform is several processes: one at a time, beside those of one other suite.
  e2e: { projects: ['e2e'], weight: 1, args: ['--runInBand', '--testTimeout=300000'] },
  faults: { projects: ['faults'], weight: 1, args: ['--runInBand', '--testTimeout=300000'] },
};

/** How long after its last test a suite may take to let go of what it holds. */
const LEAK_MS = 20_000;

const usage = `Usage: npm test [-- suite ...] [-- jest options]
Suites: ${Object.keys(SUITES).join(', ')} (all of them but s3 when none is named).
FORNAX_FAULT_ROUNDS (default 1), FORNAX_FAULT_SEED and FORNAX_FAULT_LONG=1 shape the fault suite; npm run test:faults runs the long version.`;

const words = process.argv.slice(2);
if (words.includes('--help')) {
  console.log(usage);
  process.exit(0);
}
const suites = words.filter((word) => word in SUITES);
const jestArgs = words.filter((word) => !(word in SUITES));
const isForAll = ({ isOnlyByName, isOrdinaryUser }) =>
  isOnlyByName !== true && (isOrdinaryUser !== true || process.getuid?.() === 0);
const chosen = suites.length > 0 ? suites : Object.keys(SUITES).filter((name) => isForAll(SUITES[name]));

const node = await ensureReady();

/** Runs one suite once, or one file of it; its outcome, with the counts of Jest's own closing line. */
const runPass = async ({ suite, settings, name }, print, file) => {
  const { projects, files = [], heapMB, isOrdinaryUser = false } = SUITES[suite];
  const user = isOrdinaryUser ? ordinaryUser(node) : { prefix: [], env: {}, close: () => undefined };
  if (user.reason !== undefined) {
    print(`\n*** ${name} was NOT run: ${user.reason} ***\n`, 'stderr');
    return {
      suite: name,
      code: process.env.CI === 'true' ? 1 : 0,
      skipped: false,
      notTried: undefined,
      passed: 0,
      failed: 0,
      failures: [],
      failedFiles: [],
      leaked: false,
    };
  }
  // Jest refuses two numbers of workers: the caller's is the one.
  const isWorkers = (word) => /^(--maxWorkers\b|--runInBand$|-w\b|-i$)/.test(word);
  const isLeft = (word) => (word === ANEW ? jestArgs.length === 0 : !isWorkers(word) || !jestArgs.some(isWorkers));
  const args = SUITES[suite].args.filter(isLeft);
  print(`\n== ${name} ==\n`);
  // Last, since it takes in every word that follows: a pattern would be a project.
  // What jest keeps of an earlier run is root's.
  const cache = user.env.HOME === undefined ? [] : ['--cacheDirectory', `${user.env.HOME}/jest`];
  const asked = file === undefined ? files : ['--runTestsByPath', file];
  const all = [...args, ...cache, ...(jestArgs.length > 0 ? jestArgs : asked)];
  const jest = ['node_modules/jest/bin/jest.js', ...all, '--selectProjects', ...projects];
  let skipped = false;
  let notTried;
  let tail = '';
  let leak;
  const failures = failuresSeen();
  let endJest = () => undefined;
  const heap = heapMB === undefined ? [] : [`--max-old-space-size=${heapMB}`];
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', ...heap];
  const words = [...user.prefix, node, ...flags, ...jest];
  const [program, ...programArgs] = words;
  const code = await runProgram(program, programArgs, {
    cwd: root,
    env: { ...process.env, ...settings, ...user.env, NX_DAEMON: 'false' },
    print,
    onStart: (child) => (endJest = () => child.kill('SIGTERM')),
    onStderr: (chunk) => {
      tail = (tail + chunk.toString()).slice(-100_000);
      failures.add(chunk);
      skipped ||= tail.includes('SKIPPED-PYTHON-SDK');
      notTried ??= /^\s*NOT-TRIED-(?:ON|WITH)-\S+: .*/m.exec(tail)?.[0].trim();
      // A suite that leaks a handle fails, instead of waiting for ever.
      if (tail.includes('did not exit one second after')) leak ??= setTimeout(endJest, LEAK_MS);
    },
  });
  clearTimeout(leak);
  user.close();
  const [, failed = '0'] = /^Tests:.*?(\d+) failed/m.exec(tail) ?? [];
  const [, passed = '0'] = /^Tests:.*?(\d+) passed/m.exec(tail) ?? [];
  return {
    suite: name,
    code,
    skipped,
    notTried,
    passed: Number(passed),
    failed: Number(failed),
    failures: failures.told(),
    failedFiles: failures.files(),
    leaked: leak !== undefined,
  };
};

const isAllInCi = suites.length === 0 && process.env.CI === 'true';
const settingsOfPasses = ({ passes = [{}], passesOfAllInCi = passes }) => {
  // A mode that the caller names is the only one.
  if (process.env.FORNAX_SERVICES !== undefined) return [{}];
  return isAllInCi ? passesOfAllInCi : passes;
};
const passes = chosen.flatMap((suite) =>
  settingsOfPasses(SUITES[suite]).map((settings) => {
    const shown = Object.entries(settings).map(([name, value]) => ` ${name}=${value}`);
    return { suite, settings, name: `${suite}${shown.join('')}`, weight: SUITES[suite].weight };
  }),
);
const first = await sideBySide(
  passes.map((pass) => ({ name: pass.name, weight: pass.weight, run: (print) => runPass(pass, print) })),
);
/** By itself: nothing else takes the machine's time. */
const again = await sideBySide(
  secondTries(first, words.length === 0).map(({ index, file }) => ({
    name: `${passes[index].name}, a second time: ${file}`,
    weight: Infinity,
    run: async (print) => ({ index, file, ...(await runPass(passes[index], print, file)) }),
  })),
);
const results = afterSecondTries(first, again);

const sum = (key) => results.reduce((total, result) => total + result[key], 0);
let hasFailed = results.some((result) => result.hasFailed);
if (results.some(({ skipped }) => skipped)) {
  console.error(
    '\n*** Tests with the official Python SDK or the fuzzer were SKIPPED: Python 3 or its package registry could not be had. ***',
  );
  if (process.env.CI === 'true') {
    console.error('*** That is a failure here: CI must run them. ***');
    hasFailed = true;
  }
}
for (const { suite, notTried } of results) if (notTried !== undefined) console.error(`\n*** ${suite}: ${notTried} ***`);
for (const { suite, failures } of results)
  for (const failure of failures) console.log(`\n== ${suite}, again: ${failure}`);
console.log('');
for (const { suite, unsteady } of results)
  for (const file of unsteady)
    console.log(
      `*** UNSTEADY: ${file} failed in ${suite} and passed alone: what it printed is above. Find out why. ***`,
    );
for (const { suite, hasFailed: isRed, unsteady, passed, failed } of results) {
  const verdict = isRed ? 'FAILED' : unsteady.length > 0 ? 'ok at a second try' : 'ok';
  console.log(`${suite}: ${verdict} (${passed} passed, ${failed} failed)`);
}
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exit(hasFailed ? 1 : 0);
