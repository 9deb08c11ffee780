import type { Texts } from '../../i18n/text.js';
import type { SignInKey } from './en.js';

export const de: Texts<SignInKey> = {
  title: 'An der Konsole anmelden',
  lead: 'Für Administratoren. Der Link, den ein Broker beim Start für die Entwicklung ausgibt, meldet von selbst an; sonst hilft ein Token mit der Rolle admin oder operator.',
  token: 'Token',
  tokenHelp: 'Ein JSON Web Token, wie „lastcall token“ eines macht.',
  show: 'Token anzeigen',
  signIn: 'Anmelden',
  kept: 'Das Token bleibt in diesem Tab und verschwindet mit ihm.',
  expired: 'Ihre Anmeldung ist abgelaufen. Bitte melden Sie sich erneut an.',
};
