import { Controller } from '@nestjs/common';
import { profileNeedsReplySchema, profileNeedsRequestSchema, RPC } from '@fornax/contracts';
import { needsOf } from '@fornax/domain';
import { AccountDirectory } from '@fornax/identity';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import type { z } from 'zod';
import { ProfileCatalogue } from './profile-catalogue.js';

/** Tells the node registry, which knows no published profile, what one needs. */
@Controller()
export class ProfileNeedsController {
  constructor(
    private readonly profiles: ProfileCatalogue,
    private readonly accounts: AccountDirectory,
  ) {}

  @RpcHandler(RPC.profileNeeds)
  async answer(payload: unknown): Promise<z.output<typeof profileNeedsReplySchema>> {
    const { profile: name, accountId } = parseInput(profileNeedsRequestSchema, payload);
    const account = this.accounts.byId(accountId);
    // PostgreSQL takes no NUL, and no profile has one.
    const found = account && !name.includes('\0') ? await this.profiles.answer(name, { account }) : undefined;
    if (!found || 'refusal' in found) return { needs: null };
    const { profile, published } = found;
    const { slots: _slots, ...needs } = needsOf({
      profile: profile.name,
      profileVersion: profile.version,
      ...(published === undefined ? {} : { publishedProfile: published }),
      constants: [],
      echo: {},
    });
    return { needs };
  }
}
