import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { ObjectsScrub } from '@fornax/contracts';
import type { DamagedObject } from '@fornax/domain';
import { CommandRejected } from '@fornax/event-store';
import { type RequestContext, userMeta } from '@fornax/identity';
import { splitPlace } from '@fornax/object-store';
import type { DataSource } from 'typeorm';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { BucketDecisions } from '../buckets/bucket-decisions.js';

type Finding = ObjectsScrub['findings'][number];

interface Known {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly found_at: Date;
}

/** Objects of one event: their keys may be long. */
const BATCH = 100;

const placeKey = ({ bucket, key }: { readonly bucket: string; readonly key: string }): string => `${bucket}/${key}`;
const damagedOf = (findings: readonly Finding[]): readonly DamagedObject[] =>
  findings.map(({ key, etag = '', reason }) => ({ key, etag, reason }));

/** Notes in the log what a scrub finds out: each damage of an object of a bucket once, and that it has ended. */
@Injectable()
export class DamageNotes {
  constructor(
    @InjectDataSource('storage') private readonly db: DataSource,
    private readonly catalog: BucketCatalog,
    private readonly decisions: BucketDecisions,
  ) {}

  /**
   * Notes what a part of a scrub says of the objects behind `after`, up to where the next one begins.
   * @returns its findings, with the time since when they are known
   */
  async note(
    after: string | undefined,
    { findings, next }: Pick<ObjectsScrub, 'findings' | 'next'>,
    context: RequestContext,
  ): Promise<readonly Finding[]> {
    const known = await this.#knownBetween(after, next);
    const places = new Set(findings.map(placeKey));
    const over = known.filter((one) => !places.has(placeKey(one)));
    const names = [...new Set([...findings, ...over].map(({ bucket }) => bucket))];
    const since = new Map(known.map((one) => [`${placeKey(one)} ${one.etag}`, one.found_at.getTime()]));
    // What lies in the areas of the platform is nobody's bucket.
    for (const { name, owner } of await this.catalog.findAll(names)) {
      const found = findings.filter(({ bucket }) => bucket === name);
      const ended = over.filter(({ bucket }) => bucket === name).map(({ key }) => key);
      for (let at = 0; at < Math.max(found.length, ended.length); at += BATCH) {
        const batch = found.slice(at, at + BATCH);
        const noted = await this.#record(
          name,
          { owner, found: damagedOf(batch), ended: ended.slice(at, at + BATCH) },
          context,
        );
        if (noted === undefined) break;
        for (const one of batch) {
          const place = `${placeKey(one)} ${one.etag ?? ''}`;
          since.set(place, since.get(place) ?? noted);
        }
      }
    }
    return findings.map((finding) => {
      const at = since.get(`${placeKey(finding)} ${finding.etag ?? ''}`);
      return at === undefined ? finding : { ...finding, since: new Date(at).toISOString() };
    });
  }

  #knownBetween(after: string | undefined, next: string | null): Promise<readonly Known[]> {
    const [from, to] = [splitPlace(after ?? ''), splitPlace(next ?? '')];
    return this.db.query<Known[]>(
      `SELECT bucket, key, etag, found_at FROM bucket_damage
        WHERE (bucket, key) > ($1, $2) AND ($3::text IS NULL OR (bucket, key) <= ($3, $4))`,
      [from?.bucket ?? '', from?.key ?? '', to?.bucket ?? null, to?.key ?? ''],
    );
  }

  /** @returns when it was noted; undefined: the bucket is another one by now, or gone */
  async #record(
    bucket: string,
    command: { readonly owner: string; readonly found: readonly DamagedObject[]; readonly ended: readonly string[] },
    context: RequestContext,
  ): Promise<number | undefined> {
    try {
      const meta = userMeta('storage', context, { kind: 'user', id: command.owner });
      return (await this.decisions.append(bucket, { type: 'RecordBucketDamage', ...command }, meta)).at;
    } catch (error) {
      if (error instanceof CommandRejected) return undefined;
      throw error;
    }
  }
}
