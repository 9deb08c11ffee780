import { DirectionProvider, useDirection } from '@mantine/core';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Format, formatIn } from './format.js';
import { isLanguage, LANGUAGES, type Language, preferred } from './languages.js';
import { type Dictionary, type Say, sayer } from './text.js';

/** Which language somebody has chosen is kept; nothing else is. */
const KEPT = 'lastcall-console:language';

interface Chosen {
  readonly language: Language;
  readonly choose: (language: Language) => void;
}

const LanguageContext = createContext<Chosen>({ language: 'en', choose: () => undefined });

function atFirst(): Language {
  const kept = localStorage.getItem(KEPT) ?? '';
  return isLanguage(kept) ? kept : preferred(navigator.languages);
}

function Direction({ language }: { readonly language: Language }): null {
  const { setDirection } = useDirection();
  useEffect(() => {
    const { dir } = LANGUAGES[language];
    document.documentElement.lang = language;
    setDirection(dir);
  }, [language, setDirection]);
  return null;
}

/** Gives everything below it a language. */
export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(atFirst);
  const chosen = useMemo<Chosen>(
    () => ({
      language,
      choose: (next) => {
        localStorage.setItem(KEPT, next);
        setLanguage(next);
      },
    }),
    [language],
  );
  return (
    <LanguageContext value={chosen}>
      <DirectionProvider detectDirection={false} initialDirection={LANGUAGES[language].dir}>
        <Direction language={language} />
        {children}
      </DirectionProvider>
    </LanguageContext>
  );
}

export const useLanguage = (): Chosen => useContext(LanguageContext);

/** Says a dictionary's texts in the language of the page. */
export function useText<K extends string>(dictionary: Dictionary<K>): Say<K> {
  const { language } = useLanguage();
  return useMemo(() => sayer(dictionary, language), [dictionary, language]);
}

export function useFormat(): Format {
  return formatIn(useLanguage().language);
}
