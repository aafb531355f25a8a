export { keyRotationSchema, keyStandSchema } from '@fornax/contracts';
