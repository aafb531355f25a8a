import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

/**
 * British forms of words that this code uses. Words of the official API stay as they are (`Cancelled`), and so does `organisation` where it
 * is a word of stored events (`OrganisationCreated`, `organisationId`) or made of one.
 */
const BRITISH = [
  String.raw`(?:un)?authoris(?:e|ed|es|ing|ation)\b`,
  String.raw`(?:normal|recogn|initial|(?:de)?central|serial|synchron|summar|minim|optim|util|final|special|priorit|random|parameter)is(?:e|ed|es|ing|ation)\b`,
  String.raw`behaviour|colour|favour|honour|neighbour|labour|licence|defence|artefact|judgement`,
  String.raw`\b(?:fulfil|spelt|learnt|whilst|grey|centre|dialogue)\b`,
  String.raw`\b(?:travell|labell|modell|signall)(?:ed|ing)\b`,
  String.raw`'organisation-`,
];
/** In sentences there is no stored word. */
const IN_SENTENCES = new RegExp([...BRITISH, String.raw`\borganisations?\b`].join('|'), 'gi');
const IN_CODE = new RegExp(BRITISH.join('|'), 'gi');

describe('American spelling', () => {
  const files = execFileSync('git', ['ls-files', '-z', '--', '*.ts', '*.mjs', '*.md'], {
    cwd: workspaceRoot,
    encoding: 'utf8',
  })
    .split('\0')
    // The wire contract quotes the official clients.
    .filter((path) => path !== '' && !/^docs\/contract\/|\/spelling\.spec\.ts$/.test(path));

  it('is that of code and pages', () => {
    expect(files.length).toBeGreaterThan(1_000);
    const found = files.flatMap((path) =>
      readFileSync(join(workspaceRoot, path), 'utf8')
        .split('\n')
        .flatMap((line, at) => {
          const isSentence = path.endsWith('.md') || /^\s*(?:\*|\/\/|\/\*\*)/.test(line);
          return [...line.matchAll(isSentence ? IN_SENTENCES : IN_CODE)].map(([word]) => `${path}:${at + 1}: ${word}`);
        }),
    );
    expect(found).toEqual([]);
  });
});
