import type { DriverFacts } from '@fornax/drivers';

import type { Hardware } from './hardware.js';

/** Tells which instances a node can run, as it says when it joins: others are not sent to it. */
export const whatItRuns = ({ wayOut, waysIn, images, hostPrograms, gpus }: DriverFacts): Partial<Hardware> => ({
  ...(wayOut === undefined ? {} : { wayOut }),
  ...(waysIn === undefined ? {} : { waysIn }),
  ...(images === undefined ? {} : { images }),
  ...(hostPrograms === undefined ? {} : { hostPrograms }),
  ...(gpus === undefined ? {} : { gpus }),
});

/**
 * Says what a driver's facts are under the settings of the node: where images are not run, what names one runs without, and a node of an engine may have an
 * image for what names none.
 */
export const asConfigured = (
  facts: DriverFacts,
  settings: { readonly FORNAX_IMAGES: 'host' | 'registry'; readonly FORNAX_NODE_ENGINE_IMAGE?: string | undefined },
): DriverFacts => ({
  ...facts,
  ...(settings.FORNAX_IMAGES === 'host' ? { images: true } : {}),
  ...(settings.FORNAX_NODE_ENGINE_IMAGE === undefined ? {} : { hostPrograms: true }),
});
