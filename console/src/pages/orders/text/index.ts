import type { Dictionary } from '../../../i18n/text.js';
import { ar } from './ar.js';
import { de } from './de.js';
import { en, type OrdersKey } from './en.js';
import { es } from './es.js';
import { fr } from './fr.js';
import { pt } from './pt.js';

export const ordersText: Dictionary<OrdersKey> = { en, de, fr, es, pt, ar };
