import { consistencyConstants } from './consistency.js';
import { diskConstant, knownConstants, resourcesConstant, wallLimitConstant } from './docker.profiles.js';
import type { Profile, ProfileConstant, ProfileRun } from './profile.js';
import { imageReferenceOf } from './image-reference.js';
import {
  HOST_IMAGE,
  PLACEHOLDER_IMAGE,
  type DocumentConstant,
  type PublishedRun,
} from '../profile-document/profile-document.js';

const COMMAND = 'DOCKER_CMD';
const SCRIPT = 'SHELL_SCRIPT';
/** A document may leave the tag to the task. */
export const TAG = 'DOCKER_TAG';
const IMAGE_CONSTANTS = ['DOCKER_REPO', TAG, 'DOCKER_SRV'] as const;

/** What an image and a command are said by: the document says them in its own fields. */
export const SAID_BY_FIELDS: readonly string[] = ['DOCKER_REPO', 'DOCKER_SRV', COMMAND, SCRIPT, 'SHELL'];

const known: ReadonlyMap<string, ProfileConstant> = new Map(
  knownConstants().map((constant) => [constant.name, constant]),
);

/** A constant that means the same in every profile. */
export const knownConstant = (name: string): ProfileConstant | undefined => known.get(name);

/** Nobody may set it, and nothing is set: tasks may not say it in another way than the document does. */
const absent = (name: string): ProfileConstant => ({ name, type: 'string', description: '', isReadOnly: true });
const fixed = (name: string, value: string, description: string): ProfileConstant => ({
  name,
  type: 'string',
  value,
  description,
  isReadOnly: true,
});

const ofImage = (image: string): readonly ProfileConstant[] => {
  const reference = image === HOST_IMAGE || image === PLACEHOLDER_IMAGE ? undefined : imageReferenceOf(image);
  if (!reference) return IMAGE_CONSTANTS.map(absent);
  return [
    fixed('DOCKER_REPO', reference.repository, 'Repository of the image'),
    fixed(TAG, reference.tag ?? 'latest', 'Tag of the image'),
    fixed('DOCKER_SRV', 'https://registry-1.docker.io', 'Registry of images whose name has no host'),
  ];
};

const ofCommand = ({ command, script }: PublishedRun): readonly ProfileConstant[] => {
  if (script !== undefined) return [fixed(SCRIPT, script, 'The script that is run'), absent(COMMAND)];
  const line =
    command === undefined
      ? { name: COMMAND, type: 'string' as const, description: 'Command to run' }
      : fixed(COMMAND, command, 'The command that is run');
  return [line, absent(SCRIPT)];
};

/** A constant of the document; what it leaves out of one that every profile has stays as it is there. */
const constantOf = (said: DocumentConstant): ProfileConstant => {
  const { pattern, description, type, ...constant } = said;
  const common = known.get(said.name);
  const text = description ?? common?.description ?? '';
  if (common)
    return {
      ...common,
      ...constant,
      description: text,
      ...(said.allowed === undefined ? {} : { takesNoReference: true }),
    };
  return {
    ...constant,
    type: type ?? 'string',
    description: text,
    ...(pattern === undefined ? {} : { matches: pattern }),
    // What is checked here is not put together on the node, where nobody checks it.
    ...((type ?? 'string') === 'string' && pattern === undefined && said.allowed === undefined
      ? {}
      : { takesNoReference: true }),
  };
};

const withWallLimit = (constant: ProfileConstant, most: number | undefined): ProfileConstant => {
  if (constant.name !== wallLimitConstant.name || most === undefined) return constant;
  const own = Number(constant.value ?? 0);
  return { ...constant, min: 1, max: most, value: String(own === 0 ? most : own), takesNoReference: true };
};

/** The profile that a document describes: the platform's own constants are added to those that it names. */
export const compiledProfile = (name: string, version: number, document: PublishedRun): Profile => {
  const { image, script, network, ports = [], limits } = document;
  const said = document.constants.map(constantOf);
  const names = new Set(said.map((constant) => constant.name));
  const everywhere = [resourcesConstant, wallLimitConstant, diskConstant, ...consistencyConstants];
  const run: ProfileRun = {
    constant: script === undefined ? COMMAND : SCRIPT,
    how: script === undefined ? 'words' : 'script',
    wallLimit: wallLimitConstant.name,
    progress: ['DOCKER_PROGRESS1', 'DOCKER_PROGRESS2', 'DOCKER_PROGRESS3'],
  };
  return {
    name,
    version,
    description: '',
    needs: [...(image === HOST_IMAGE ? [] : ['image' as const]), ...(ports.length === 0 ? [] : ['ssh' as const])],
    network,
    run,
    constants: [
      ...said,
      ...[...ofImage(image), ...ofCommand(document), ...everywhere].filter((constant) => !names.has(constant.name)),
    ].map((constant) => withWallLimit(constant, limits?.wallSeconds)),
    ...(ports.length === 0
      ? {}
      : { ports: ports.map(({ port, kind }) => ({ name: kind, applicationType: kind, port })) }),
    ...(limits === undefined ? {} : { limits }),
  };
};
