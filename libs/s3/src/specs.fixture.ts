/** For the specs of other libraries: `@fornax/s3/specs`. */
export { sdkSigner } from './signature/sdk-signer.fixture.js';
