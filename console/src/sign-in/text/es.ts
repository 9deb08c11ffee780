import type { Texts } from '../../i18n/text.js';
import type { SignInKey } from './en.js';

export const es: Texts<SignInKey> = {
  title: 'Iniciar sesión en la consola',
  lead: 'Para administradores. El enlace que un broker muestra al arrancar en desarrollo inicia la sesión por sí solo; si no, use un token con el rol admin u operator.',
  token: 'Token',
  tokenHelp: 'Un JSON Web Token, como el de «lastcall token».',
  show: 'Mostrar el token',
  signIn: 'Iniciar sesión',
  kept: 'El token se queda en esta pestaña y desaparece con ella.',
  expired: 'Su sesión ha caducado. Inicie sesión de nuevo.',
};
