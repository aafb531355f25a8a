/** The one platform of the run, which every worker finds in its environment (see setup/global-setup.ts). */
export interface ContractPlatform {
  readonly apiUrl: string;
  readonly storageUrl: string;
  readonly token: string;
  readonly clientEnv: Readonly<Record<string, string>>;
}

const PLATFORM_VARIABLE = 'FORNAX_CONTRACT_PLATFORM';

const stored = process.env[PLATFORM_VARIABLE];
if (stored === undefined) throw new Error('no platform: run the suite with npm run contract');
export const platform = JSON.parse(stored) as ContractPlatform;
