import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { logProofIn, priceDocumentOf, statementSchema, type WireStatement } from '@fornax/contracts';
import { ARCHIVE_ROOT, defaultPriceList } from '@fornax/domain';
import { ARCHIVE_ID } from '@fornax/event-store';
import { aCommit, aLease, anEnd, AT, concluded, dispatched, submitted } from '@fornax/testing';
import { StatementProofs } from './statement-proofs.js';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';

const PATH = '/fornax/v1/billing/statements';
const token = 'root-token';
const JANUARY = 'from=1970-01-01&to=1970-02-01';
const FEBRUARY = 'from=1970-02-01&to=1970-03-01';

describe('a statement', () => {
  let rig: BillingRig;
  let archived = { number: 0, to: 0, sequence: 0, hash: ARCHIVE_ROOT.hash };

  /** A task of one attempt in January 1970. @param ghz 0: nobody knows, so it has no price */
  const run = (id: string, ghz = 2.5) => {
    const hardware = { specificationKey: 'k', cpuModel: 'x', cores: 8, ghz };
    const end = anEnd(0, { startedAt: AT, endedAt: AT + 3_600_000, hardware });
    return rig.append('task', id, [submitted(id, { projectUuid: 'p-1' })], [dispatched(aLease(0))], [concluded(end)]);
  };
  /** Notes the next segment of the archive, as the storage service does. */
  const archive = async (to: number): Promise<string> => {
    const { number, hash: previous } = archived;
    const hash = String(number + 1).repeat(64);
    const facts = {
      number: number + 1,
      from: archived.to + 1,
      to,
      messages: 1,
      previous,
      hash,
      sizeBytes: 1,
      key: 'k',
    };
    const commit = aCommit(`segment-${number}`, [{ type: 'LogSegmentArchived', ...facts, at: AT }]);
    const sequence = await rig.log.append('log-archive', ARCHIVE_ID, commit, archived.sequence);
    archived = { number: number + 1, to, sequence, hash };
    return hash;
  };
  const statement = async (query: string): Promise<WireStatement> =>
    statementSchema.parse((await rig.get(`${PATH}?${query}&groupBy=task`, token)).body);
  const amounts = ({ rows }: WireStatement) => Object.fromEntries(rows.map(({ by, amount }) => [by['task'], amount]));
  beforeAll(async () => {
    rig = await billingRig();
    await rig.account('ada');
    await rig.account('root', 'operator');
    await run('t-1');
    await run('t-parked', 0);
  }, 120_000);
  afterAll(() => rig?.close());

  it('says plainly how much of the log that it was folded from is archived, and by what hash', async () => {
    const { sequence: head, epoch } = await rig.log.head();
    const none = { archivedTo: 0, segment: 0, hash: ARCHIVE_ROOT.hash, isWhole: false };
    expect(await statement(JANUARY)).toMatchObject({
      ...{ through: head, isFinal: false, accounts: null, project: null, unrated: 1 },
      proof: { log: epoch, from: 1, to: head, ...none },
    });
    const hash = await archive(head);
    const proof = { archivedTo: head, segment: 1, hash };
    expect((await statement(JANUARY)).proof).toMatchObject({ to: head, ...proof, isWhole: true });
    const last = await run('t-unpriced', 0);
    expect((await statement(JANUARY)).proof).toMatchObject({ to: last, ...proof, isWhole: false });
    const asOf = await statement(`${JANUARY}&through=${head}`);
    expect(asOf).toMatchObject({ through: head, unrated: 1, proof: { to: head, ...proof, isWhole: true } });
    for (const format of ['csv', 'parquet', 'focus']) {
      const response = await fetch(`${rig.service.url}${PATH}?${JANUARY}&through=${head}&format=${format}`, {
        headers: { authorization: token },
      });
      expect(logProofIn(response.headers.get('fornax-log-proof') ?? '')).toEqual(asOf.proof);
      const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
      // CSV has no place for it.
      expect(logProofIn(text)).toEqual(format === 'csv' ? undefined : asOf.proof);
    }
  });

  it('proves nothing of a log that is not there any more by the index of the one that is', async () => {
    const { sequence: through, epoch } = await rig.log.head();
    const proofs = rig.service.app.get(StatementProofs);
    expect(await proofs.of({ log: epoch, through })).toMatchObject({ segment: 1 });
    expect(await proofs.of({ log: 'the-one-before', through })).toEqual({
      ...{ log: 'the-one-before', from: 1, to: through, archivedTo: 0, segment: 0 },
      ...{ hash: ARCHIVE_ROOT.hash, isWhole: false },
    });
    expect(await proofs.of({ log: epoch, through })).toMatchObject({ segment: 1 });
  });

  it('is as of an earlier commit where that is asked for', async () => {
    const before = await statement(JANUARY);
    await run('t-2');
    expect(amounts(await statement(JANUARY))).toEqual({ 't-1': '0.01', 't-2': '0.01' });
    const again = await statement(`${JANUARY}&through=${before.through}`);
    expect(again).toEqual(before);
    expect(await rig.get(`${PATH}?${JANUARY}&through=999999`, token)).toMatchObject({ status: 400 });
  });

  it('of a closed month stays the same, what has no price included', async () => {
    expect(await rig.send('/fornax/v1/billing/months/1970-01/close', { token, body: {} })).toMatchObject({
      status: 200,
    });
    const { sequence: closing } = await rig.log.head();
    const closed = await statement(JANUARY);
    expect(closed).toMatchObject({ through: closing, isFinal: true, unrated: 2 });

    await run('t-late', 0);
    expect(await statement(JANUARY)).toEqual(closed);
    expect((await statement(FEBRUARY)).unrated).toBe(1);
    const assumed = { ...priceDocumentOf(defaultPriceList), assumedGhz: '2.5', validFrom: '2099-01-01T00:00:00Z' };
    expect(await rig.send('/fornax/v1/billing/prices', { token, body: assumed })).toMatchObject({ status: 200 });
    // Both have a price now: it counts when it is told.
    expect(await statement(JANUARY)).toEqual(closed);
    expect((await statement(FEBRUARY)).unrated).toBe(0);
    expect((await rig.get('/fornax/v1/billing/unrated', token)).body).toMatchObject({ count: 0 });
    expect((await statement(`${JANUARY}&through=${closing}`)).total).toEqual(closed.total);

    const { sequence: head } = await rig.log.head();
    const hash = await archive(head);
    const proof = { ...closed.proof, archivedTo: closing, segment: 2, hash, isWhole: true };
    expect(await statement(JANUARY)).toEqual({ ...closed, proof });
  });
});
