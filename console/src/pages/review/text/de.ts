import type { Texts } from '../../../i18n/text.js';
import type { ReviewKey } from './en.js';

export const de: Texts<ReviewKey> = {
  title: 'Überprüfung',
  period: 'Zeitraum',
  days: { one: '{count} Tag', other: '{count} Tage' },
  print: 'Drucken',
  for: 'Überprüfung von {tenant}',
  span: '{from} – {to}',
  by: 'Erstellt für {name}',
  looked:
    'Angesehen: {sessions} von {ofSessions} Sitzungen und {locks} von {ofLocks} gesperrten Datensätzen.',
  incomplete:
    'Nicht alles wurde angesehen: Es ist mehr, als eine Überprüfung liest, oder es wird nicht so lange aufbewahrt.',
  nothing: 'Nichts zu beanstanden.',
  stale: 'Angemeldet und untätig',
  staleHelp: 'Wer lange in keiner Sitzung etwas tat. Sind sie noch da?',
  longest: 'Am längsten gehalten',
  longestHelp: 'Datensätze, die andere solange nicht bearbeiten können.',
  forced: 'Abgemeldet, ohne gespeichert zu haben',
  forcedHelp: 'Deren Arbeit verloren sein kann; sie brauchen mehr Zeit oder ein Gespräch.',
  without: 'Weg, ohne sich abzumelden',
  withoutHelp: 'Die Anwendung antwortete nicht mehr: oft ein zugeklappter Deckel, manchmal ein Absturz.',
  sessions: 'Sitzungen',
  idle: 'Untätig seit',
  record: 'Datensatz',
  held: 'Gehalten seit',
  work: 'Arbeit',
  times: 'Mal',
  lastAt: 'Zuletzt',
  policy: 'Richtlinie',
  policyPreset: 'Version {version}: die Vorlage „{preset}“.',
  policyVersion: 'Version {version}: eigene Einstellungen.',
  policySame: 'Niemand hat sie in dieser Zeit geändert.',
  date: 'Datum',
  signature: 'Unterschrift',
};
