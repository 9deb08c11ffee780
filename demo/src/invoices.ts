export interface Line {
  readonly text: string;
  readonly quantity: number;
  readonly price: number;
}

/** What the person edits. */
export interface Draft {
  readonly customer: string;
  readonly due: string;
  readonly lines: readonly Line[];
  readonly note: string;
}

export interface Invoice extends Draft {
  readonly number: string;
  /** The fence of the lock it was saved under. */
  readonly fence: number;
  readonly savedBy?: string;
  readonly savedAt?: number;
}

const SEEDS: readonly Invoice[] = [
  seed('1041', 'Harbour Bakery', '2031-06-14', [
    { text: 'Oven maintenance', quantity: 1, price: 480 },
    { text: 'Door seal', quantity: 2, price: 36.5 },
  ]),
  seed('1042', 'Northgate Dental', '2031-06-20', [
    { text: 'Annual support', quantity: 1, price: 1_250 },
    { text: 'On-site visit', quantity: 3, price: 95 },
  ]),
  seed('1043', 'Marlow & Sons', '2031-06-28', [{ text: 'Bookkeeping, May', quantity: 12, price: 68 }]),
  seed('1044', 'Café Aurora', '2031-07-02', [
    { text: 'Espresso machine, rental', quantity: 1, price: 210 },
    { text: 'Beans, 5 kg', quantity: 4, price: 74.9 },
  ]),
];

function seed(number: string, customer: string, due: string, lines: readonly Line[]): Invoice {
  return { number, customer, due, lines, note: '', fence: 0 };
}

/** Each invoice has an entry of its own, so that two windows that save different ones do not meet. */
const PREFIX = 'lastcall-demo:invoice:';
/** How long a save takes, so that it can be watched. */
const SAVE_MS = 700;

export function totalOf({ lines }: Draft): number {
  return lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
}

const MONEY = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function moneyOf(amount: number): string {
  return MONEY.format(amount);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('There was no time left to save.'));
    });
  });
}

/** The invoice as it was saved last, in any window. */
function latest(seeded: Invoice): Invoice {
  try {
    return (JSON.parse(localStorage.getItem(PREFIX + seeded.number) ?? 'null') as Invoice | null) ?? seeded;
  } catch {
    return seeded;
  }
}

/**
 * The company's invoices, shared by all windows of this browser. It stands in for the application's own database, and
 * does what that has to do with fences: refuse a write that comes with a lower one than it has seen.
 */
export class Invoices {
  readonly #listeners = new Set<() => void>();

  constructor() {
    addEventListener('storage', ({ key }) => {
      if (key === null || key.startsWith(PREFIX)) this.#tell();
    });
  }

  list(): readonly Invoice[] {
    return SEEDS.map(latest);
  }

  get(number: string): Invoice | undefined {
    return this.list().find((invoice) => invoice.number === number);
  }

  /** A lock was granted: from now on nobody saves under an earlier one. */
  claim(number: string, fence: number): void {
    const known = this.get(number);
    if (known && fence > known.fence)
      localStorage.setItem(PREFIX + number, JSON.stringify({ ...known, fence }));
  }

  /** Saves under a lock. Rejects when somebody got the lock later, or when the time is over. */
  async save(
    number: string,
    draft: Draft,
    by: string,
    fence: number,
    signal?: AbortSignal,
  ): Promise<Invoice> {
    await pause(SAVE_MS, signal);
    const known = this.get(number);
    if (!known) throw new Error(`There is no invoice ${number}.`);
    if (fence < known.fence) throw new Error(`Somebody has locked invoice ${number} since.`);
    const saved: Invoice = { ...draft, number, fence, savedBy: by, savedAt: Date.now() };
    localStorage.setItem(PREFIX + number, JSON.stringify(saved));
    this.#tell();
    return saved;
  }

  /** Tells when something was saved, in any window. Returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
