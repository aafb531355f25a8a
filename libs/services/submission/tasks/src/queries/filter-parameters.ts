/** What is in a project, as somebody who may see all of it asks. */
export interface InProject {
  readonly askedBy: string;
  readonly projectId: string;
}

/** Which objects a list is about: all of one owner, named by its id, or all in a project. */
export type ListScope = string | InProject;

/** Collects parameters of a statement; `add` gives a value's place. */
export class Parameters {
  readonly values: unknown[];
  /** True once a pattern of the caller is among them: how long it takes is the caller's doing. */
  hasPattern = false;

  /** For whom it is asked: patterns of one account wait for each other. */
  readonly askedBy: string;
  /** Whether all that is asked for has one owner. */
  readonly isOfOwner: boolean;

  /** @param scope whose objects are asked for: the id of the owner, or of the project, is always `$1` */
  constructor(scope: ListScope) {
    this.isOfOwner = typeof scope === 'string';
    this.askedBy = typeof scope === 'string' ? scope : scope.askedBy;
    this.values = [typeof scope === 'string' ? scope : scope.projectId];
  }

  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  addPattern(pattern: string): string {
    this.hasPattern = true;
    return this.add(pattern, 'text');
  }
}
