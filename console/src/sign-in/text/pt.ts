import type { Texts } from '../../i18n/text.js';
import type { SignInKey } from './en.js';

export const pt: Texts<SignInKey> = {
  title: 'Entrar na consola',
  lead: 'Para administradores. A ligação que um broker mostra ao arrancar em desenvolvimento entra por si só; caso contrário, use um token com o papel admin ou operator.',
  token: 'Token',
  tokenHelp: 'Um JSON Web Token, como o de «lastcall token».',
  show: 'Mostrar o token',
  signIn: 'Entrar',
  kept: 'O token fica neste separador e desaparece com ele.',
  expired: 'A sua sessão terminou. Entre de novo.',
};
