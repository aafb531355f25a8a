import { describe, expect, it } from '@jest/globals';
import { inputManifestSchema } from './input-manifest.js';

const listOf = (path: string): unknown => ({
  format: 1,
  objects: [{ path, bucket: 'b', key: 'k', etag: 'e', lastModified: '', size: 0, isExecutable: false }],
});

describe('a list of inputs', () => {
  it.each(['a', 'a/b.txt', 'folder/', '..a/b..', '漢/ '])('has the path %j', (path) =>
    expect(inputManifestSchema.safeParse(listOf(path)).success).toBe(true),
  );

  it.each(['../x', 'a/../../x', '/etc/x', 'a/..', 'a//b', './a', 'a\0', '', '/', '..'])(
    'of a hostile node is none with the path %j, which another node would write to',
    (path) => expect(inputManifestSchema.safeParse(listOf(path)).success).toBe(false),
  );
});
