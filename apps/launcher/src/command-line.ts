import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shellQuote } from './runtime-files.js';

/** Where the program `fornax` of a platform is. */
export const programsFolder = (data: string): string => join(data, 'bin');

/** A small shell program that runs our command line on the Node that runs this, and for this platform unless another one is meant. */
const renderProgram = (data: string, node: string, program: string): string => `#!/bin/sh
# Made by npm start: the command line of the platform in this folder. FORNAX_DATA_DIR, or QARNOT_CLUSTER_URL and QARNOT_CLIENT_TOKEN, name another one.
[ -n "$FORNAX_DATA_DIR" ] || FORNAX_DATA_DIR=${shellQuote(data)}
export FORNAX_DATA_DIR
exec ${shellQuote(node)} ${shellQuote(program)} "$@"
`;

/** Puts `fornax` where `npm start` says that it is; whoever runs the one of before goes on with it. */
export const provideProgram = async (data: string, program: string): Promise<void> => {
  const folder = programsFolder(data);
  await mkdir(folder, { recursive: true });
  const made = join(folder, `.fornax.${process.pid}`);
  await writeFile(made, renderProgram(data, process.execPath, program), { mode: 0o755 });
  await rename(made, join(folder, 'fornax'));
};
