import { Module } from '@nestjs/common';
import { ENV } from '@fornax/service-kit';
import { BootstrapAccount } from './bootstrap-account.js';
import { FirstAccount } from './first-account.js';
import { MeController } from './me.controller.js';
import { OrganizationsController } from './organizations.controller.js';
import { loadPeopleConfig, PEOPLE_CONFIG } from './people-config.js';
import { PeopleCommands } from './people-commands.js';
import { ProjectsController } from './projects.controller.js';
import { Projects } from './projects.js';
import { Sessions } from './sessions.js';
import { SessionsController } from './sessions.controller.js';
import { Tokens } from './tokens.js';
import { UsersController } from './users.controller.js';
import { Users } from './users.js';

/** Users, tokens, organizations, projects and quotas: commands and routes. The first account is made here. */
@Module({
  controllers: [MeController, UsersController, OrganizationsController, ProjectsController, SessionsController],
  providers: [
    { provide: PEOPLE_CONFIG, inject: [ENV], useFactory: loadPeopleConfig },
    BootstrapAccount,
    FirstAccount,
    PeopleCommands,
    Users,
    Tokens,
    Sessions,
    Projects,
  ],
})
export class PeopleModule {}
