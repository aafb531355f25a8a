import { expect, it } from '@jest/globals';
import { eventually, nodeJoined, submitted } from '@fornax/testing';
import { rig } from './leader-rig.fixture.js';

it('places what waits for room on a disk as soon as its node says that there is some', async () => {
  const world = await rig().lead();
  await world.append('node', 'node-1', 0, nodeJoined('node-1', { diskMB: 10 }));
  const request = { cores: 1, memoryMB: 1, diskMB: 50 };
  await world.append('task', 'large', 0, submitted('large', { instances: '0', request }));
  await world.append('task', 'small', 0, submitted('small', { instances: '0' }));
  await eventually(() => world.leases().length === 1);
  expect(world.leases()).toMatchObject([{ taskId: 'small' }]);
  world.listRoom('node-1', 1, 40);
  world.listRoom('node-1', 1, 60);
  await eventually(() => world.leases().length === 2);
  expect(world.leases()[1]).toMatchObject({ taskId: 'large', diskMB: 50 });
});
