import { api, bodyOf } from './client.ts';
import type { Read } from './wire.ts';

export type Webhook = Read<'/fornax/v1/webhooks'>[number];

export const readWebhooks = (): Promise<readonly Webhook[]> => bodyOf(api.GET('/fornax/v1/webhooks'));

export const makeWebhook = (wanted: {
  readonly url: string;
  readonly name: string;
  readonly types: readonly string[];
}): Promise<Webhook & { readonly secret: string }> => {
  const { url, name, types } = wanted;
  const body = { url, ...(name === '' ? {} : { name }), ...(types.length === 0 ? {} : { types: [...types] }) };
  return bodyOf(api.POST('/fornax/v1/webhooks', { body }));
};

const of = (id: string) => ({ params: { path: { id } } });

export const testWebhook = (id: string) => bodyOf(api.POST('/fornax/v1/webhooks/{id}/test', of(id)));
export const resumeWebhook = (id: string) => bodyOf(api.POST('/fornax/v1/webhooks/{id}/resume', of(id)));
export const deleteWebhook = (id: string) => bodyOf(api.DELETE('/fornax/v1/webhooks/{id}', of(id)));
export const replayWebhook = ({ id, from }: { readonly id: string; readonly from: number }) =>
  bodyOf(api.POST('/fornax/v1/webhooks/{id}/replay', { ...of(id), body: { from } }));
