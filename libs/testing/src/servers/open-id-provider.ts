import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

/** What the platform is called by providers of tests. */
export const OPEN_ID_CLIENT = { id: 'fornax', secret: 'a-secret-of-the-client-that-nobody-guesses' } as const;
export type Claims = Readonly<Record<string, unknown>>;

/** An OpenID provider on a port of its own. */
export interface OpenIdProvider {
  readonly issuer: string;
  close(): Promise<void>;
}

/** A real provider: it lets in who is named, or who gives a name in its form. */
export interface RealProvider extends OpenIdProvider {
  /** Opens it. @param redirect the one address that it sends browsers back to */
  open(redirect: string): void;
  /** Who comes next, without a form: a subject, and what is claimed of it; undefined: nobody is let in. */
  next: { readonly subject: string; readonly claims: Claims } | undefined;
  /** Lets people in by a form: claims by the names that they give there. */
  askWith(people: ReadonlyMap<string, Claims>): void;
}

const SCOPES = { email: ['email', 'email_verified'], profile: ['groups', 'team', 'department'] };
const FORM =
  '<!doctype html><html lang="en"><title>Acme ID</title><form method="post"><label>Name <input name="name"></label><button>Sign in</button></form></html>';

const bodyOf = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
};

/** `oidc-provider`, as a team might run it. It answers once it is opened: before that only its address is known. */
export const startRealProvider = async (): Promise<RealProvider> => {
  let handle: RequestListener = (_, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const people = new Map<string, Claims>();
  let next: RealProvider['next'];
  let isAsking = false;

  const open = (redirect: string): void => {
    const provider: Provider = new Provider(issuer, {
      clients: [
        {
          client_id: OPEN_ID_CLIENT.id,
          client_secret: OPEN_ID_CLIENT.secret,
          redirect_uris: [redirect],
          response_types: ['code'],
          grant_types: ['authorization_code'],
        },
      ],
      claims: { openid: ['sub'], ...SCOPES },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => `/who/${uid}` },
      findAccount: (_, accountId) => ({ accountId, claims: () => ({ ...people.get(accountId), sub: accountId }) }),
      loadExistingGrant: async (context) => {
        const { client, session } = context.oidc;
        const grant = new provider.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' });
        grant.addOIDCScope('openid email profile');
        await grant.save();
        return grant;
      },
    });
    const answers = provider.callback();
    const interact = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      if (isAsking && request.method !== 'POST')
        return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(FORM);
      const name = isAsking ? (await bodyOf(request)).get('name') : next?.subject;
      const result =
        name !== null && name !== undefined && people.has(name)
          ? { login: { accountId: name } }
          : { error: 'access_denied', error_description: '<script>nobody</script>' };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    };
    handle = (request, response): void => {
      if (request.url?.startsWith('/who/') !== true) return void answers(request, response);
      interact(request, response).catch(
        (error: unknown) =>
          void response.writeHead(500).end(`${request.url} ${request.headers.cookie} ${String(error)}`),
      );
    };
  };
  return {
    issuer,
    open,
    get next() {
      return next;
    },
    set next(who) {
      next = who;
      if (who) people.set(who.subject, who.claims);
    },
    askWith: (asked) => {
      isAsking = true;
      for (const [name, claims] of asked) people.set(name, claims);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
