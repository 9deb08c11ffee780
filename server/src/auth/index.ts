export { CODE_MS, SignInCodes } from './codes.js';
export { createVerifier, type Verifier, type VerifierOptions } from './identity.js';
export type { Logout } from './logout.js';
export { developmentSecret, mintToken, type TokenClaims } from './mint.js';
export { ACTIONS, type Action, allows, authorize } from './roles.js';
