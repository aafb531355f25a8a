/** A constant of a profile: what it means and what it is when the task says nothing. */
export interface ProfileConstant {
  readonly name: string;
  readonly value: string;
  readonly description: string;
  /** A task may not give this one. */
  readonly isReadOnly?: boolean;
}

/** What to run, as a versioned document: a change of meaning is a new version. */
export interface Profile {
  readonly name: string;
  readonly version: number;
  /** The profile means to run inside a container image. */
  readonly usesImage: boolean;
  readonly constants: readonly ProfileConstant[];
}
