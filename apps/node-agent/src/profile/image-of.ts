import { resolveConstants } from '@fornax/contracts';

import { imageNameOf } from '../images/image-name.js';
import type { WantedImage } from '../images/image-pull.js';
import { PASSWORD } from './in-image.js';

type Constants = readonly { readonly key: string; readonly value: string }[];

/**
 * Tells which image an instance runs in.
 * @param secrets what the grant brought
 * @returns undefined: its profile has none @throws UserError
 */
export const imageOf = (
  constants: Constants,
  secrets: Readonly<Record<string, string>>,
  registries: readonly string[],
): (WantedImage & { readonly runsAs: string }) | undefined => {
  const raw = new Map(constants.map(({ key, value }) => [key, value]));
  if (!raw.has('DOCKER_REPO')) return undefined;
  const values = resolveConstants(raw, new Map(Object.entries(secrets)));
  const valueOf = (name: string): string => values.get(name) ?? '';
  const asked = { server: valueOf('DOCKER_SRV'), repository: valueOf('DOCKER_REPO'), tag: valueOf('DOCKER_TAG') };
  const [user, password] = [valueOf('DOCKER_REGISTRY_LOGIN'), valueOf(PASSWORD)];
  return {
    name: imageNameOf(asked, registries),
    login: user === '' ? undefined : { user, password },
    runsAs: valueOf('DOCKER_USER'),
  };
};
