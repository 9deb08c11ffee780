import type { Texts } from '../../i18n/text.js';
import type { SignInKey } from './en.js';

export const fr: Texts<SignInKey> = {
  title: 'Se connecter à la console',
  lead: 'Pour les administrateurs. Le lien affiché au démarrage d’un broker de développement connecte directement ; sinon, utilisez un jeton avec le rôle admin ou operator.',
  token: 'Jeton',
  tokenHelp: 'Un JSON Web Token, comme celui de « lastcall token ».',
  show: 'Afficher le jeton',
  signIn: 'Se connecter',
  kept: 'Le jeton reste dans cet onglet et disparaît avec lui.',
  expired: 'Votre session a expiré. Reconnectez-vous.',
};
