/** What a text from outside says as JSON; undefined when it is none. */
export const jsonOf = (text: string | Uint8Array): unknown => {
  try {
    return JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString('utf8'));
  } catch {
    return undefined;
  }
};
