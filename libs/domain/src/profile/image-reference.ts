/** The parts of the name of an image, as the constants of docker profiles say it. */
export interface ImageReference {
  /** With its host, if it has one, and with its digest. */
  readonly repository: string;
  /** Absent: the name says none, and no digest. */
  readonly tag?: string;
}

const MOST_CHARS = 400;
const WHOLE = /^([^\s@]+?)(?::(\w[\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?$/;
const HOST = String.raw`(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:)|\[[0-9a-f:]+\])(?::\d{1,5})?\/`;
const PART = String.raw`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`;
const REPOSITORY = new RegExp(`^(?:${HOST})?${PART}(?:/${PART})*$`);

/** Reads the name of an image, such as `ghcr.io/studio/blender:4.2`; undefined when it is none. */
export const imageReferenceOf = (text: string): ImageReference | undefined => {
  const [, path = '', said, digest = ''] = text.length > MOST_CHARS ? [] : (WHOLE.exec(text) ?? []);
  if (path === '' || !REPOSITORY.test(path)) return undefined;
  const tag = said ?? (digest === '' ? undefined : 'latest');
  return { repository: `${path}${digest}`, ...(tag === undefined ? {} : { tag }) };
};
