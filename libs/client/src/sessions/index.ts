/** What the connection of a command in a running instance says and hears. Apart from the rest, since it brings its schemas along. */
export { FrameReader, frameOf, FRAMES, sessionEndSchema, type SessionEnd } from '@fornax/contracts';
