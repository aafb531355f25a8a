import { describe, expect, it } from '@jest/globals';
import type { DriverFacts } from '@fornax/drivers';

import { asConfigured, whatItRuns } from './what-it-runs.js';

const facts: DriverFacts = { name: 'container/podman', warnings: [], limits: [], path: '' };

describe('what a node says that it runs', () => {
  it('leaves out what is not known', () => expect(whatItRuns(facts)).toEqual({}));

  it.each([
    [
      'a node of an engine',
      { hostPrograms: false, images: true, waysIn: false, gpus: 2 },
      { FORNAX_IMAGES: 'registry' },
    ],
    [
      'one that has an image for what names none',
      { hostPrograms: true, images: true, waysIn: false, gpus: 2 },
      { FORNAX_IMAGES: 'registry', FORNAX_NODE_ENGINE_IMAGE: 'library/debian:12' },
    ],
  ] as const)('is that of %s', (_which, told, settings) =>
    expect(
      whatItRuns(asConfigured({ ...facts, hostPrograms: false, images: true, waysIn: false, gpus: 2 }, settings)),
    ).toEqual(told),
  );

  it('is images, too, where what names one runs without', () => {
    expect(whatItRuns(asConfigured({ ...facts, images: false }, { FORNAX_IMAGES: 'host' }))).toEqual({ images: true });
    expect(whatItRuns(asConfigured({ ...facts, images: false }, { FORNAX_IMAGES: 'registry' }))).toEqual({
      images: false,
    });
  });
});
