import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';
import { expectOk } from './call.js';
import { NodeIntruder } from './node-intruder.js';
import { platform, readRuntime } from './platform.js';

interface Entry {
  readonly id: string;
  readonly state: string;
  readonly subject: string | null;
}

const NODE = 'node-1';
const { token } = platform;
const quarantined = async (): Promise<readonly Entry[]> =>
  (await expectOk<readonly Entry[]>('GET', '/fornax/v1/log/quarantine', { token })).filter(
    ({ subject }) => subject === `fx.report.${NODE}`,
  );

const theOneEntry = async (): Promise<string> => {
  let id = '';
  await eventually(async () => (id = (await quarantined())[0]?.id ?? '') !== '');
  return id;
};

/** What a service writes when it asked for what it has no right to: the server says no, or nobody answers. */
const REFUSED = /permissions violation|no ?responders|not authorized/i;

describe('the rights of services', () => {
  it('are enough to send a report again that an operator takes out of the quarantine', async () => {
    const node = await NodeIntruder.enter(platform.dataDir, (await readRuntime()).nats.url, NODE);
    await node.say(`fx.report.${NODE}`, 'not a report');
    await node.close();
    const first = await theOneEntry();
    const path = `/fornax/v1/log/quarantine/${first}`;
    // The scheduler takes it again, and cannot read it this time either.
    expect(await expectOk('POST', `${path}/retry`, { token })).toMatchObject({ id: first, state: 'open' });
    await expectOk('POST', `${path}/drop`, { token });
  }, 60_000);

  it('are enough for everything that this suite did so far', async () => {
    const { logs } = await readRuntime();
    const services = Object.entries(logs).filter(([name]) => name !== 'nats' && name !== 'postgres');
    expect(services.length).toBeGreaterThan(0);
    for (const [name, path] of services) {
      const refused = (await readFile(path, 'utf8')).split('\n').filter((line) => REFUSED.test(line));
      expect({ name, refused }).toEqual({ name, refused: [] });
    }
    // The server names whoever is refused; intruders of this suite are nodes, and no service is.
    const lines = (await readFile(join(platform.dataDir, 'nats', 'nats.log'), 'utf8')).split('\n');
    expect(lines.filter((line) => /violation/i.test(line) && line.includes('service/'))).toEqual([]);
  });
});
