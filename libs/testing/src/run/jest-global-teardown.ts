/** Jest's `globalTeardown`: ends the servers that the tests of this run have started. */
const tearDown = async (): Promise<void> => {
  const end: unknown = Reflect.get(globalThis, 'fornaxEndRun');
  if (typeof end === 'function') await end();
};

export { tearDown as default };
