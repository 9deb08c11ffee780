import type { Dictionary } from '../text.js';
import { ar } from './ar.js';
import { de } from './de.js';
import { en, type Term } from './en.js';
import { es } from './es.js';
import { fr } from './fr.js';
import { pt } from './pt.js';

export const termsText: Dictionary<Term> = { en, de, fr, es, pt, ar };
