import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TestEngine } from '@fornax/testing/engine';
import { tarOf } from '@fornax/testing/layers';

import { openedOn, type OpenDriver } from '../sandbox/driver.fixture.js';
import { ContainerDriver, type ContainerOptions } from './container.driver.js';
import { Engine } from './engine.js';

/** A root without a program: those of this machine are shown in it. */
const emptyRoot = (): Promise<Buffer> =>
  tarOf([
    ...['etc', 'usr', 'tmp', 'proc', 'sys', 'dev'].map((name) => [{ name: `${name}/`, type: 'directory' }] as const),
    ...['bin', 'sbin', 'lib', 'lib64'].map((name) => [{ name, type: 'symlink', linkname: `usr/${name}` }] as const),
    [{ name: 'etc/passwd', mode: 0o644 }, 'root:x:0:0:root:/:/bin/sh\n'],
  ]);

/** A driver on an engine, whose instances have the programs of this machine. */
export const openContainers = async (
  engine: TestEngine,
  options: Partial<ContainerOptions> = {},
): Promise<OpenDriver<ContainerDriver> & { readonly image: string }> => {
  const image = await engine.load(await emptyRoot(), 'localhost/empty:1');
  const dataDir = await mkdtemp(join(tmpdir(), 'fornax-container-'));
  const driver = new ContainerDriver({
    workDir: join(dataDir, 'node'),
    engine: new Engine(engine.socket),
    expose: ['/usr'],
    ...options,
  });
  try {
    return { ...openedOn(driver, await driver.probe(), dataDir, image), image };
  } catch (error) {
    await driver.close();
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
};
