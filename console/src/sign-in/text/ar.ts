import type { Texts } from '../../i18n/text.js';
import type { SignInKey } from './en.js';

export const ar: Texts<SignInKey> = {
  title: 'تسجيل الدخول إلى وحدة التحكم',
  lead: 'للمسؤولين. الرابط الذي يطبعه الوسيط عند بدء التطوير يسجّل الدخول تلقائيًا؛ وإلا فاستخدم رمزًا بالدور admin أو operator.',
  token: 'الرمز',
  tokenHelp: 'رمز JSON Web Token كالذي ينشئه «lastcall token».',
  show: 'إظهار الرمز',
  signIn: 'تسجيل الدخول',
  kept: 'يبقى الرمز في علامة التبويب هذه ويزول معها.',
  expired: 'انتهت جلستك. سجّل الدخول من جديد.',
};
