import { testEngineHere } from '@fornax/testing/engine';
import { afterAll, describe, expect } from '@jest/globals';

import { describeCommand } from '../driver/command.fixture.js';
import { testsOf } from '../sandbox/driver.fixture.js';
import { openContainers } from './engine.fixture.js';

const engine = await testEngineHere();
const opened = engine && (await openContainers(engine));
afterAll(async () => {
  await opened?.close();
  await engine?.stop();
});

describeCommand('in a container', {
  opened,
  isIsolated: true,
  groups: /^(\/sys\/fs\/cgroup(\/[\w,.=-]+)?|\/libpod_parent\/libpod-[0-9a-f]{64})$/,
  // Podman gives no namespace of groups of version 1.
  ownGroup: expect.stringMatching(/^(\/|\/libpod_parent\/libpod-[0-9a-f]{64})$/) as unknown as string,
  besideGroupsMB: 1,
});

describe('a command in a container', () => {
  testsOf(opened)(
    'may be seen as another user where the engine’s filter permits that, as this one’s does',
    async ({ facts }) => {
      expect([facts.masksUsers, facts.warnings.join()]).toEqual([true, expect.not.stringContaining('DOCKER_USER')]);
    },
  );
});
