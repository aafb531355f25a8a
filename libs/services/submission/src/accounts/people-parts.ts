import { FirstAccount } from './first-account.js';
import { MeController } from './me.controller.js';
import { OrganizationsController } from './organizations.controller.js';
import { PeopleCommands } from './people-commands.js';
import { ProjectsController } from './projects.controller.js';
import { Projects } from './projects.js';
import { Tokens } from './tokens.js';
import { UsersController } from './users.controller.js';
import { Users } from './users.js';

/** What the module of the service takes from this folder. */
export const PEOPLE_CONTROLLERS = [MeController, UsersController, OrganizationsController, ProjectsController];
export const PEOPLE_PROVIDERS = [FirstAccount, PeopleCommands, Users, Tokens, Projects];
