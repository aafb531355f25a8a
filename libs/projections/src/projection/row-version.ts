import type { Position, Projection } from './projection.js';

/**
 * What a checkpoint says of its rows: the log they are a fold of, and the version of the code that folded them. Both stand in one column, because
 * rows of another version are as useless for going on as rows of another log. Programs that know no versions take the whole for the log's epoch, so
 * they too stop at rows of a version that they have never heard of, say so, and can rebuild them for themselves.
 */
const SEPARATOR = ';rows=';

/** The version of rows that were stored before there were versions. */
const FIRST = 1;

/** The column's text for rows of this version. */
export const stampOf = ({ version }: Pick<Projection, 'version'>, epoch: string): string =>
  version === FIRST ? epoch : `${epoch}${SEPARATOR}${version}`;

/** Where rows stand, in which log, and which version of the projection's code they come from. */
export interface VersionedPosition extends Position {
  readonly version: number;
}

/** Reads the columns back. @param sequence bigint, which the driver gives as text */
export const parseStamp = (text: string, sequence: string): VersionedPosition => {
  const [epoch = '', version] = text.split(SEPARATOR);
  return { epoch, sequence: Number(sequence), version: version === undefined ? FIRST : Number(version) };
};
