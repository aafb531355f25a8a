import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** What the kernel of Debian does not have built in: a bus, the file system of the host, and one on top that may be written. */
const WANTED = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

/** A kernel's modules, each after those that it needs, which it names itself. */
const modulesOf = (folder) => {
  const paths = new Map(
    readdirSync(folder, { recursive: true })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [basename(path, '.ko').replaceAll('-', '_'), join(folder, path)]),
  );
  const found = new Map();
  const add = (name) => {
    const path = paths.get(name);
    if (path === undefined || found.has(name)) return; // it is built in, or was added
    const content = readFileSync(path);
    const needed = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? '';
    for (const one of needed.split(',').filter(Boolean)) add(one);
    found.set(name, content);
  };
  for (const name of WANTED) add(name);
  return [...found.values()];
};

const hex = (number) => number.toString(16).padStart(8, '0');
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);

/** One entry of a cpio archive, format "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). */
const entry = (number, name, mode, content = Buffer.alloc(0)) => {
  const path = Buffer.from(`${name}\0`);
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`), path])),
    padded(content),
  ]);
};

/** The first file system of the machine: busybox, some modules of the kernel, and what puts this machine's own files in its place. */
export const archiveOf = ({ kernel, version, busybox }) => {
  const modules = modulesOf(join(kernel, 'lib', 'modules', version, 'kernel'));
  const own = (name) => readFileSync(new URL(name, import.meta.url));
  const [folder, program] = [0o040755, 0o100755];
  const entries = [
    ...['bin', 'dev', 'proc', 'sys', 'host', 'top', 'new', 'modules'].map((name) => [name, folder]),
    ['bin/busybox', program, readFileSync(join(busybox, 'bin', 'busybox'))],
    ['init', program, own('init.sh')],
    ['run-checks', program, own('run-checks.sh')],
    // In the order of their names.
    ...modules.map((content, at) => [`modules/${String(at).padStart(2, '0')}.ko`, 0o100644, content]),
    ['TRAILER!!!', 0],
  ];
  return Buffer.concat(entries.map(([name, mode, content], at) => entry(at + 1, name, mode, content)));
};
