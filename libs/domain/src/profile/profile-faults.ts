import { problemOfValue } from './effective-constants.js';
import type { ProfileConstant } from './profile.js';
import { latestProfile } from './profiles.js';
import { isSecretName } from './secret-names.js';
import { compiledProfile, knownConstant, SAID_BY_FIELDS, TAG } from './compiled-profile.js';
import { imageReferenceOf } from './image-reference.js';
import { patternProblem } from './plain-pattern.js';
import {
  HOST_IMAGE,
  PLACEHOLDER_IMAGE,
  taskProfileOf,
  type DocumentConstant,
  type ProfileDocument,
} from '../profile-document/profile-document.js';

/** What is wrong with a document, by the path of what is wrong in it. */
export interface ProfileFault {
  readonly path: readonly (string | number)[];
  readonly detail: string;
}

/** A task keeps this much of its profile with it, in its event and in the memory of the scheduler. */
const MOST_CHARS = 32_768;
/** All of it, with what is only for people, and whom it names. */
const MOST_DOCUMENT_CHARS = 65_536;
const MOST_CONSTANTS = 100;
const MOST_PORTS = 16;
/** A path of the API below the profiles. */
const NAMES_TAKEN: readonly string[] = ['schema'];

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const CONSTANT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** Whether the platform itself has a profile of this name, in whatever case. */
export const isBuiltIn = (name: string): boolean => latestProfile(name.toLowerCase()) !== undefined;

const nameProblem = (name: string): string | undefined => {
  if (!NAME.test(name))
    return 'A name has at most 63 lower-case letters, digits, dots and dashes, and begins and ends with a letter or a digit.';
  if (isBuiltIn(name)) return `${name} is a profile of the platform itself: give yours another name.`;
  return NAMES_TAKEN.includes(name) ? `No profile can be called ${name}.` : undefined;
};

const isImage = (image: string): boolean =>
  image === HOST_IMAGE || image === PLACEHOLDER_IMAGE || imageReferenceOf(image) !== undefined;

/** What a constant may not say by itself. */
const ownProblem = (said: DocumentConstant): readonly (readonly [field: string, detail: string])[] => {
  const { name, type = 'string', pattern, allowed, min, max, value } = said;
  const common = knownConstant(name);
  const problems: (readonly [string, string])[] = [];
  if (!CONSTANT_NAME.test(name))
    problems.push(['name', 'A name has letters, digits and underscores, at most 100, and begins with no digit.']);
  if (SAID_BY_FIELDS.includes(name))
    problems.push(['name', `${name} follows from the image and the command of the document.`]);
  if (common && said.type !== undefined && said.type !== common.type)
    problems.push(['type', `${name} means the same in every profile: it is of the type ${common.type}.`]);
  if (pattern !== undefined) {
    const problem =
      common || type !== 'string' ? 'Only text of the document’s own has a pattern.' : patternProblem(pattern);
    if (problem !== undefined) problems.push(['pattern', problem]);
  }
  if ((min !== undefined || max !== undefined) && (common?.type ?? type) !== 'integer')
    problems.push([min === undefined ? 'max' : 'min', 'Only a whole number has bounds.']);
  if (min !== undefined && max !== undefined && min > max)
    problems.push(['max', 'It is less than the smallest value.']);
  if (isSecretName(name) && (value !== undefined || allowed !== undefined))
    problems.push(['default', 'A document is read by many: it holds no value of a secret.']);
  if (said.isReadOnly === true && value === undefined)
    problems.push(['default', 'A constant that no task may set has its value here.']);
  if (allowed?.length === 0) problems.push(['allowed', 'At least one value is allowed.']);
  return problems;
};

/** What its values are not, once the document is read as a profile. */
const valueProblems = (constant: ProfileConstant): readonly (readonly [field: string, detail: string])[] => {
  const { allowed = [], value } = constant;
  const { allowed: _all, ...single } = constant;
  const problems = allowed.flatMap((one) => {
    const problem = problemOfValue(single, one);
    return problem === undefined ? [] : [['allowed', problem] as const];
  });
  const problem = value === undefined ? undefined : problemOfValue(constant, value);
  return [...problems, ...(problem === undefined ? [] : [['default', problem] as const])];
};

const constantFaults = (document: ProfileDocument): readonly ProfileFault[] => {
  const compiled = new Map(compiledProfile(document.name, 1, document).constants.map((one) => [one.name, one]));
  const seen = new Set<string>();
  return document.constants.flatMap((said, index) => {
    const own = ownProblem(said);
    if (seen.has(said.name)) return [{ path: ['constants', index, 'name'], detail: `${said.name} is there twice.` }];
    seen.add(said.name);
    const constant = compiled.get(said.name);
    const problems = own.length > 0 || !constant ? own : valueProblems(constant);
    return problems.map(([field, detail]) => ({ path: ['constants', index, field], detail }));
  });
};

const tagFaults = ({ image, constants }: ProfileDocument): readonly ProfileFault[] => {
  const index = constants.findIndex(({ name }) => name === TAG);
  return index === -1 || imageReferenceOf(image)?.tag === undefined
    ? []
    : [
        {
          path: ['constants', index, 'name'],
          detail: `The tag is said twice: leave it out of the image, or ${TAG} out of the constants.`,
        },
      ];
};

const portFaults = ({ ports = [] }: ProfileDocument): readonly ProfileFault[] =>
  ports.flatMap(({ port }, index) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      return [{ path: ['ports', index, 'port'], detail: 'A port is a whole number from 1 to 65535.' }];
    return ports.findIndex((one) => one.port === port) < index
      ? [{ path: ['ports', index, 'port'], detail: `Port ${port} is there twice.` }]
      : [];
  });

/** What is wrong with a document by itself; nothing when tasks can have it. */
export const profileFaults = (document: ProfileDocument): readonly ProfileFault[] => {
  const faults: ProfileFault[] = [];
  const name = nameProblem(document.name);
  if (name !== undefined) faults.push({ path: ['name'], detail: name });
  if (!isImage(document.image))
    faults.push({
      path: ['image'],
      detail: 'It is the name of an image such as ghcr.io/studio/blender:4.2, or host, or placeholder.',
    });
  if (document.command !== undefined && document.script !== undefined)
    faults.push({ path: ['script'], detail: 'A profile runs a command or a script, not both.' });
  if (document.constants.length > MOST_CONSTANTS)
    faults.push({ path: ['constants'], detail: `A profile has at most ${MOST_CONSTANTS} constants.` });
  else faults.push(...constantFaults(document), ...tagFaults(document));
  if ((document.ports ?? []).length > MOST_PORTS)
    faults.push({ path: ['ports'], detail: `A profile has at most ${MOST_PORTS} ports.` });
  else faults.push(...portFaults(document));
  if (JSON.stringify(taskProfileOf('', document)).length > MOST_CHARS)
    faults.push({
      path: [],
      detail: `What tasks keep of a profile has at most ${MOST_CHARS} characters: put a long script into the image or a bucket.`,
    });
  if (JSON.stringify(document).length > MOST_DOCUMENT_CHARS)
    faults.push({
      path: [],
      detail: `A profile has at most ${MOST_DOCUMENT_CHARS} characters, descriptions and those who may use it among them.`,
    });
  return faults;
};
