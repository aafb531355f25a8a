import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { webhookDecider } from './webhook.decider.js';

const at = 1_000;
const { given } = specFor(webhookDecider);
const facts = {
  webhookId: 'w',
  owner: 'ada',
  name: 'to the lab',
  host: 'hooks.example.org',
  sealedUrl: 'u',
  sealedSecret: 's',
  filter: { tasks: null, types: null },
  after: 7,
  at,
};
const registered = { type: 'WebhookRegistered', ...facts } as const;
const parked = { type: 'WebhookParked', reason: 'HTTP 500', sequence: 9, at } as const;
const deleted = { type: 'WebhookDeleted', at } as const;
const park = { type: 'ParkWebhook', reason: 'HTTP 500', sequence: 9, at } as const;
const resume = { type: 'ResumeWebhook', at } as const;
const replay = { type: 'ReplayWebhook', after: 3, at } as const;
const remove = { type: 'DeleteWebhook', at } as const;

describe('a webhook', () => {
  it('is registered once', () => {
    given()
      .when({ type: 'RegisterWebhook', ...facts })
      .then(registered);
    given(registered)
      .when({ type: 'RegisterWebhook', ...facts })
      .thenRejected('webhook-exists');
  });
  it('is parked once, and only while it is active', () => {
    given(registered).when(park).then(parked);
    given(registered, parked).when(park).thenNothing();
    given(registered, deleted).when(park).thenNothing();
  });
  it('goes on when it is resumed or replayed', () => {
    given(registered, parked).when(resume).then({ type: 'WebhookResumed', at });
    given(registered).when(resume).thenNothing();
    given(registered, parked).when(replay).then({ type: 'WebhookReplayed', after: 3, at });
    given(registered).when(replay).then({ type: 'WebhookReplayed', after: 3, at });
    given(registered, parked, { type: 'WebhookReplayed', after: 3, at }).when(park).then(parked);
  });
  it('is gone for good when it was deleted', () => {
    given(registered, parked).when(remove).then(deleted);
    for (const command of [resume, replay, remove]) {
      given(registered, deleted).when(command).thenRejected('webhook-not-found');
      given().when(command).thenRejected('webhook-not-found');
    }
  });
});
