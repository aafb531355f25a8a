import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { debianEntries, provideTree } from './debian-tree.js';
import { type LayerEntry, layerOf } from './test-layers.js';
import type { PushedLayer } from './test-registry.js';

/** Nothing that a program of them needs. */
const LEFT_OUT =
  /^usr\/share\/(?!openssh)|^(var|usr\/lib\/systemd|usr\/lib\/tmpfiles\.d|etc\/(init\.d|default))(\/|$)|\.(a|la)$/;

/** What Debian has in there once the server is installed: accounts, settings, and no key of a host. */
const settled = async (root: string): Promise<readonly LayerEntry[]> => [
  [
    { name: 'etc/passwd', mode: 0o644 },
    'root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n',
  ],
  [{ name: 'etc/group', mode: 0o644 }, 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
  [{ name: 'etc/shadow', mode: 0o640 }, 'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n'],
  [{ name: 'etc/ssh/sshd_config', mode: 0o644 }, await readFile(join(root, 'usr/share/openssh/sshd_config'))],
  [{ name: 'root/', type: 'directory', mode: 0o700 }],
];

/** An image's layer with the OpenSSH server of Debian as people install it, and a shell. @throws PackagesMissing */
export const sshdLayer = async (): Promise<PushedLayer> => {
  // The server, what makes keys, and what copies files.
  const first = ['openssh-server', 'openssh-client', 'openssh-sftp-server'];
  const root = await provideTree({ kept: 'debian-openssh', first });
  const applets = ['mkdir', 'mv', 'chmod', 'printf'];
  return layerOf([
    ...(await debianEntries(root, { mark: 'ssh', applets, leftOut: LEFT_OUT })),
    ...(await settled(root)),
  ]);
};
