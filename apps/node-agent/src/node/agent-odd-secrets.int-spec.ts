import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { AgentRig } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

const PLANES = Array.from({ length: 17 }, (_, plane) => String.fromCodePoint(plane * 0x1_00_00 + 0xff_f0)).join('');
/** Of 1,024 characters, the most that a key may have. */
const DEEP = `${Array.from({ length: 8 }, () => '🔑'.repeat(63)).join('/')}/`;

const ODD = [
  { name: 'empty', key: 'odd/empty', value: '' },
  { name: 'with NUL', key: 'odd/nul', value: 'a\0b' },
  { name: 'with line breaks', key: 'odd/lines', value: 'a\r\nb\n' },
  { name: 'of every plane', key: 'odd/planes', value: PLANES },
  { name: 'of 64 KiB', key: 'odd/large', value: '\u0001'.repeat(65_536) },
  { name: 'like a mask', key: 'odd/mask', value: '[SECRET]' },
  { name: 'under a name of every plane', key: `odd/${PLANES}`, value: 'named' },
  { name: 'under a key of 1,024 characters', key: DEEP.padEnd(1_024, 'k'), value: 'deep' },
];

let rig: AgentRig;
beforeAll(async () => {
  rig = await AgentRig.open();
  await rig.startAgent();
}, 120_000);
afterAll(async () => {
  await rig.closeAgent();
  await rig.close();
});

it.each(ODD)('a secret $name is a file that its instance reads byte for byte, and nobody writes', async (odd) => {
  const { name, key, value } = odd;
  const id = `odd-${ODD.indexOf(odd)}`;
  rig.platform.managed = [[{ key, version: 1, value }]];
  // By what is there, not by its key: an odd name stands in no command.
  const script = `cd "$QARNOT_SECRETS_DIR" && find . -type f -exec sha256sum {} + | cut -c1-64 && find . -type f -exec stat -c %a {} + && find . -type f -printf %P | sha256sum`;
  await rig.platform.order(aLeaseOrder(id, `sh -c '${script}'`, { secrets: true, taskId: `task-${id}` }));
  expect([name, (await rig.ended(id)).outcome]).toEqual([name, 'success']);
  const [hash, mode, path = ''] = (await rig.platform.output(`task-${id}`, 0, 'stdout')).toString().split('\n');
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  expect([hash, mode, path.slice(0, 64)]).toEqual([sha256(value), '400', sha256(key)]);
});
