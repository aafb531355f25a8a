export { accountIdOf } from './first-account.js';
export { PeopleModule } from './people.module.js';
export { wireProject } from './wire-people.js';
