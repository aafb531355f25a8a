import { z } from 'zod';

const date = z.string();

/** The answer that opens a session: its cookie is in the headers, and nowhere in the body. */
export const sessionSchema = z.object({
  /** Id of the session among the tokens of its account, by which it is revoked. */
  token: z.string(),
  expirationDate: date,
});
export type WireSession = z.output<typeof sessionSchema>;

/** How one signs in with a browser, beside a token. */
export const signInWaysSchema = z.object({
  openId: z
    .object({
      name: z.string(),
      path: z.string().describe('Where the browser goes; `?to=/ui/…` says where it comes back to.'),
    })
    .nullable()
    .describe('Null: no OpenID provider is set up.'),
});
export type WireSignInWays = z.output<typeof signInWaysSchema>;

/** A link that signs its account in once: the only answer that ever shows it. */
export const signInLinkSchema = z.object({
  /** Opens one session, as `Authorization: Bearer <code>` of POST /fornax/v1/session. */
  code: z.string(),
  /** Where the page is, with the code behind the `#`, which browsers send to nobody. */
  path: z.string(),
  expirationDate: date,
});
export type WireSignInLink = z.output<typeof signInLinkSchema>;
