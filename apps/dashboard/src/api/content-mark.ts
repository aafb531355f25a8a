/** The MD5 of a content in hexadecimal digits, which the storage gives what came in one piece as its ETag. */
export const contentMark = async (content: Blob): Promise<string> => {
  // Only those who go on with something need it.
  const { md5 } = await import('@noble/hashes/legacy.js');
  return md5(new Uint8Array(await content.arrayBuffer())).reduce(
    (text, byte) => text + byte.toString(16).padStart(2, '0'),
    '',
  );
};
