export const en = {
  title: 'Sign in to the console',
  lead: 'For administrators. The link that a broker prints when it starts for development signs in by itself; otherwise use a token with the role admin or operator.',
  token: 'Token',
  tokenHelp: 'A JSON Web Token, as “lastcall token” makes one.',
  show: 'Show the token',
  signIn: 'Sign in',
  kept: 'The token stays in this tab and goes with it.',
  expired: 'Your sign-in is over. Sign in again.',
} as const;

export type SignInKey = keyof typeof en;
