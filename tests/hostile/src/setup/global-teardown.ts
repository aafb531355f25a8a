/** Jest's `globalTeardown`: stops the platform that the setup started. */
const tearDown = async (): Promise<void> => {
  const stop: unknown = Reflect.get(globalThis, 'fornaxStopHostilePlatform');
  if (typeof stop === 'function') await stop();
};

export { tearDown as default };
