import type { InstantMs } from '../shared/time.js';

/** Owner of the profiles that operators publish for the whole platform; any other owner is an organization, by its id. */
export const PLATFORM = 'platform';

/** What stands for the image that a team still has to name. */
export const PLACEHOLDER_IMAGE = 'placeholder';
/** The file system of the node: no image. */
export const HOST_IMAGE = 'host';

/** What a constant of a profile may hold. `pattern` is a regular expression; text that holds a `${NAME}` is checked on the node. */
export type ConstantType = 'string' | 'integer' | 'boolean' | 'pattern';

/** What an instance may reach: `none` is itself alone; `outgoing` is also what its node lets out, which is the internet unless an operator allows more. */
export type ProfileNetwork = 'none' | 'outgoing';

/** The most that an instance may ask for. */
export interface ProfileLimits {
  readonly cores?: number;
  readonly memoryMB?: number;
  readonly wallSeconds?: number;
}

/** A constant as a document says it. What is absent of one that the platform knows by its name stays as it is there. */
export interface DocumentConstant {
  readonly name: string;
  /** Absent: text, or what a constant of this name is everywhere. */
  readonly type?: ConstantType;
  /** Its value where a task gives none; absent: there is none then. */
  readonly value?: string;
  readonly description?: string;
  readonly allowed?: readonly string[];
  /** What the whole of a text has to match: see `patternProblem`. */
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly isReadOnly?: true;
}

/** A port of an instance that is forwarded, and what is spoken there. */
export interface DocumentPort {
  readonly port: number;
  readonly kind: 'tcp' | 'http' | 'ssh' | 'vnc';
}

/** How an instance of a profile is run: the part of its document that a task keeps, without what is only for people. */
export interface PublishedRun {
  /** The reference of an image, `host`, or `placeholder`. */
  readonly image: string;
  /** Split as a shell splits, run without one. With neither this nor a script, the task says it in DOCKER_CMD. */
  readonly command?: string;
  /** The text of a program for /bin/sh. */
  readonly script?: string;
  readonly constants: readonly DocumentConstant[];
  readonly network: ProfileNetwork;
  readonly ports?: readonly DocumentPort[];
  readonly limits?: ProfileLimits;
}

/** Who may use a profile, by ids: anybody who is in one of the lists. */
export interface ProfileAudience {
  readonly organizations?: readonly string[];
  /** For tasks of these projects. */
  readonly projects?: readonly string[];
  readonly users?: readonly string[];
}

/** A profile that somebody publishes. */
export interface ProfileDocument extends PublishedRun {
  readonly name: string;
  readonly description: string;
  /** Absent: everybody, or everybody of the organization that owns it. */
  readonly audience?: ProfileAudience;
}

/** The version of a published profile that a task was submitted with. */
export interface TaskProfile extends PublishedRun {
  readonly owner: string;
}

/** The aggregate is one name of one owner. A version that was published is never changed, and a name that was retired may be published again. */
export type ProfileEvent =
  | {
      readonly type: 'ProfilePublished';
      readonly owner: string;
      readonly version: number;
      readonly document: ProfileDocument;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'ProfileRetired';
      readonly owner: string;
      readonly name: string;
      /** The version that was the newest. */
      readonly version: number;
      readonly at: InstantMs;
    };

export type ProfileCommand =
  | {
      readonly type: 'PublishProfile';
      readonly owner: string;
      readonly document: ProfileDocument;
      readonly at: InstantMs;
    }
  | { readonly type: 'RetireProfile'; readonly owner: string; readonly name: string; readonly at: InstantMs };

/** Id of the aggregate: two owners may each have a profile of one name. */
export const profileIdOf = (owner: string, name: string): string => `${owner}/${name}`;

/** What a task keeps of a document. */
export const taskProfileOf = (owner: string, document: ProfileDocument): TaskProfile => {
  const { name: _name, description: _description, audience: _audience, constants, ...run } = document;
  return { owner, ...run, constants: constants.map(({ description: _text, ...constant }) => constant) };
};
