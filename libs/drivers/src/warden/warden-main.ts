import { createInterface } from 'node:readline';

import { endInstances } from './end-instances.js';
import { uptimeMs } from './uptime.js';
import { decodeUntil, type Ward } from './warden-orders.js';

/** A timer stands still while the machine sleeps: never trusted for longer than this. */
const LONGEST_WAIT_MS = 1_000;
/** While the agent is silent something may still start that it had begun: looked for again and again. */
const AGAIN_MS = 200;
const FIRST_WAIT_MS = 500;

const main = async (ward: Ward): Promise<void> => {
  // Only its input counts: a Ctrl-C or a stop meant for the agent must not end its warden first.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.stdout.on('error', () => undefined);
  let { until } = ward;
  let timer: NodeJS.Timeout | undefined;
  let isDismissed = false;

  const look = async (): Promise<void> => {
    timer = undefined;
    if (until === undefined) return;
    const leftMs = until - uptimeMs();
    if (leftMs <= 0) await endInstances(ward, () => until !== undefined && until <= uptimeMs());
    if (timer === undefined && !isDismissed)
      timer = setTimeout(() => void look(), leftMs > 0 ? Math.min(leftMs, LONGEST_WAIT_MS) : AGAIN_MS);
  };

  process.stdout.write('ready\n');
  // What was written while this process started comes first.
  if (until !== undefined) timer = setTimeout(() => void look(), Math.max(FIRST_WAIT_MS, until - uptimeMs()));
  for await (const line of createInterface({ input: process.stdin })) {
    const instant = decodeUntil(line);
    if (instant !== undefined) {
      until = instant;
      process.stdout.write('heard\n');
      clearTimeout(timer);
      timer = setTimeout(() => void look(), Math.max(0, Math.min(until - uptimeMs(), LONGEST_WAIT_MS)));
    } else isDismissed ||= line === 'dismiss';
  }
  if (!isDismissed) await endInstances(ward);
  process.exit(0);
};

const [text] = process.argv.slice(2);
if (text === undefined) {
  process.stderr.write('usage: warden <what it guards, as JSON>\n');
  process.exit(2);
}
// Written by the driver of the same version, a moment ago.
await main(JSON.parse(text) as Ward);
