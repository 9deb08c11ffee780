/** One line of an invoice. */
export interface Line {
  readonly text: string;
  readonly quantity: number;
  readonly price: number;
}

export type Value = string | readonly Line[];
/** What the person edits of a record, by the names of its fields. */
export type Values = Readonly<Record<string, Value>>;

/** A record of the office as it was saved last. */
export interface OfficeRecord {
  readonly id: string;
  readonly values: Values;
  /** The fence of the lock it was saved under. */
  readonly fence: number;
  readonly savedBy?: string;
  readonly savedAt?: number;
}

export function textOf(values: Values, name: string): string {
  const value = values[name];
  return typeof value === 'string' ? value : '';
}

export function linesOf(values: Values, name: string): readonly Line[] {
  const value = values[name];
  return Array.isArray(value) ? (value as readonly Line[]) : [];
}

export function totalOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
}

const MONEY = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function moneyOf(amount: number): string {
  return MONEY.format(amount);
}

/** As text that can be put anywhere else. */
export function copyOf(values: Values): string {
  return Object.values(values)
    .map((value) =>
      typeof value === 'string'
        ? value
        : value.map(({ text, quantity, price }) => [text, quantity, price].join('\t')).join('\n'),
    )
    .join('\n');
}

function isLine(value: unknown): value is Line {
  const line = (value ?? {}) as Partial<Line>;
  return typeof line.text === 'string' && Number.isFinite(line.quantity) && Number.isFinite(line.price);
}

/** The values in a draft's text, if it is one of this demo. */
export function valuesIn(text: string): Values | undefined {
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values !== 'object' || values === null) return undefined;
    const isValue = (one: unknown): one is Value =>
      typeof one === 'string' || (Array.isArray(one) && one.every(isLine));
    return Object.values(values).every(isValue) ? (values as Values) : undefined;
  } catch {
    return undefined;
  }
}
