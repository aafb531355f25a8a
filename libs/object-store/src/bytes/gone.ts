/** A reader that went away before it had everything, as Node's own pipelines call it. */
export const gone = (cause?: Error): Error =>
  Object.assign(new Error('the reader went away', { cause }), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
