import { Controller, Inject } from '@nestjs/common';
import { profileNeedsReplySchema, profileNeedsRequestSchema, RPC } from '@fornax/contracts';
import { needsOf } from '@fornax/domain';
import { AccountDirectory } from '@fornax/identity';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import type { z } from 'zod';
import { WAYS_CONFIG, type WaysConfig } from './config/ways-config.js';
import { ProfileCatalogue } from './profile-catalogue.js';

/** Tells the node registry what a profile needs: it knows no published one, nor whether ports are forwarded here. */
@Controller()
export class ProfileNeedsController {
  constructor(
    private readonly profiles: ProfileCatalogue,
    private readonly accounts: AccountDirectory,
    @Inject(WAYS_CONFIG) private readonly ways: WaysConfig,
  ) {}

  @RpcHandler(RPC.profileNeeds)
  async answer(payload: unknown): Promise<z.output<typeof profileNeedsReplySchema>> {
    const { profile: name, accountId } = parseInput(profileNeedsRequestSchema, payload);
    const account = this.accounts.byId(accountId);
    // PostgreSQL takes no NUL, and no profile has one.
    const found = account && !name.includes('\0') ? await this.profiles.answer(name, { account }) : undefined;
    if (!found || 'refusal' in found) return { needs: null };
    const { profile, published } = found;
    const {
      slots: _slots,
      waysIn,
      ...needs
    } = needsOf({
      profile: profile.name,
      profileVersion: profile.version,
      ...(published === undefined ? {} : { publishedProfile: published }),
      constants: [],
      echo: {},
    });
    // As for the scheduler: where no port is forwarded, none keeps a task from any node.
    return { needs: { ...needs, ...(waysIn && this.ways.isOn ? { waysIn } : {}) } };
  }
}
