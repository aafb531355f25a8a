import { Module } from '@nestjs/common';
import { ENV } from '@fornax/service-kit';
import { BootstrapAccount } from './bootstrap-account.js';
import { FirstAccount } from './first-account.js';
import { MeController } from './me.controller.js';
import { OpenIdAccounts } from './open-id-accounts.js';
import { loadOpenIdConfig, OPEN_ID_CONFIG } from './open-id-config.js';
import { OpenIdController } from './open-id.controller.js';
import { OpenIdProvider } from './open-id-provider.js';
import { OpenIdSignIn } from './open-id-sign-in.js';
import { OrganizationsController } from './organizations.controller.js';
import { loadPeopleConfig, PEOPLE_CONFIG } from './people-config.js';
import { PeopleCommands } from './people-commands.js';
import { ProjectsController } from './projects.controller.js';
import { ProjectMembers } from './project-members.js';
import { ProjectMembersController } from './project-members.controller.js';
import { Projects } from './projects.js';
import { Sessions } from './sessions.js';
import { SessionsController } from './sessions.controller.js';
import { Tokens } from './tokens.js';
import { UsersController } from './users.controller.js';
import { Users } from './users.js';

/** Users, tokens, organizations, projects and quotas: commands and routes. The first account is made here. */
@Module({
  controllers: [
    MeController,
    UsersController,
    OrganizationsController,
    ProjectsController,
    ProjectMembersController,
    SessionsController,
    OpenIdController,
  ],
  providers: [
    { provide: PEOPLE_CONFIG, inject: [ENV], useFactory: loadPeopleConfig },
    { provide: OPEN_ID_CONFIG, inject: [ENV], useFactory: loadOpenIdConfig },
    OpenIdProvider,
    OpenIdAccounts,
    OpenIdSignIn,
    BootstrapAccount,
    FirstAccount,
    PeopleCommands,
    Users,
    Tokens,
    Sessions,
    Projects,
    ProjectMembers,
  ],
})
export class PeopleModule {}
