import { debianEntries, provideTree } from './debian-tree.js';
import { layerOf } from './test-layers.js';
import type { PushedLayer } from './test-registry.js';

export { PackagesMissing } from './debian-tree.js';

/** Nothing that the server needs: it reads maps of keys, and nothing else that is shared. */
const LEFT_OUT =
  /^usr\/share\/(?!X11(\/xkb|$))|^(var|usr\/lib\/systemd|usr\/lib\/tmpfiles\.d|etc\/(init\.d|default))(\/|$)|\.(a|la)$/;

/** An image's layer with the server of TigerVNC of Debian, what makes its password's file, and a shell. @throws PackagesMissing */
export const vncLayer = async (): Promise<PushedLayer> => {
  // The server runs xkbcomp, by a shell.
  const first = ['tigervnc-standalone-server', 'tigervnc-tools', 'x11-xkb-utils', 'xkb-data'];
  const root = await provideTree({ kept: 'debian-tigervnc', first });
  return layerOf(await debianEntries(root, { mark: 'vnc', applets: ['printf'], leftOut: LEFT_OUT }));
};
