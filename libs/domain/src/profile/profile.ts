import type { ConstantType, ProfileLimits, ProfileNetwork } from '../profile-document/profile-document.js';

/** What a node has to offer for a profile to mean what it says. */
export type ProfileNeed = 'image' | 'gpu' | 'ssh' | 'cluster';

/** A constant of a profile: what it means, what it may hold, and what it is when a task says nothing. */
export interface ProfileConstant {
  readonly name: string;
  readonly type: ConstantType;
  /** Absent: there is none, and the instance does not see the constant unless the task gives it. */
  readonly value?: string;
  readonly description: string;
  /** What text has to match, and how that is told: "must be …". */
  readonly form?: {
    readonly pattern: string;
    readonly says: string;
    /** What the pattern does not say. */
    readonly fits?: (value: string) => boolean;
  };
  /** Smallest and largest value of an integer. */
  readonly min?: number;
  readonly max?: number;
  /** The only values that it may have. */
  readonly allowed?: readonly string[];
  /** What the whole of a text has to match, of profiles that somebody published. */
  readonly matches?: string;
  /** A reference in a value would be filled in on the node, behind the check of the value: it is refused. */
  readonly takesNoReference?: boolean;
  /** A task may not give this one; only a forced constant changes it. */
  readonly isReadOnly?: boolean;
}

/** Which constants say what a node does with an instance. */
export interface ProfileRun {
  /** The constant that holds the command. */
  readonly constant: string;
  /** `words`: split as a shell splits, run without one. `script`: the text of a program for /bin/sh. */
  readonly how: 'words' | 'script';
  /** A boolean constant: the script ends at its first command that fails. */
  readonly stopOnError?: string;
  /** An integer constant: seconds after which the command is stopped; 0 is no limit. */
  readonly wallLimit: string;
  /** Pattern constants that read the progress out of standard output. */
  readonly progress: readonly string[];
}

/** A port that instances of a profile have forwarded. */
export interface ProfilePort {
  readonly name: string;
  /** A hint about the protocol, `ssh` say. */
  readonly applicationType: string;
  readonly port: number;
}

/** What to run, as a versioned document. A change of meaning is a new version; a version that a task may have is never edited. */
export interface Profile {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly needs: readonly ProfileNeed[];
  readonly network: ProfileNetwork;
  readonly run: ProfileRun;
  readonly constants: readonly ProfileConstant[];
  /** Ports that can be reached from outside; absent: none. */
  readonly ports?: readonly ProfilePort[];
  readonly limits?: ProfileLimits;
}
