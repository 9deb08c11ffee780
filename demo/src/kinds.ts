import { CUSTOMERS, INVOICES, USERS } from './seeds.js';
import { linesOf, moneyOf, type OfficeRecord, textOf, totalOf, type Values } from './values.js';

/** Where records are looked up. */
export interface Lookup {
  list(kind: Kind): readonly OfficeRecord[];
  get(resource: string): OfficeRecord | undefined;
}

/** A value to choose, and what it is called. */
type Choice = readonly [value: string, text: string];

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: 'text' | 'email' | 'tel' | 'date' | 'choice' | 'lines' | 'note';
  /** Shares its row with the next one that does. */
  readonly half?: true;
  readonly choices?: (records: Lookup) => readonly Choice[];
}

/** What a record is called in a list. */
export interface Row {
  readonly title: string;
  readonly aside: string;
  readonly about: string;
}

/** A kind of record: what it is called, what it consists of, and how a list shows it. */
export interface Kind {
  readonly name: 'invoices' | 'customers' | 'users';
  readonly title: string;
  readonly noun: string;
  readonly fields: readonly Field[];
  readonly seeds: Readonly<Record<string, Values>>;
  headingOf(id: string, values: Values): string;
  rowOf(id: string, values: Values, records: Lookup): Row;
}

const some =
  (...texts: readonly string[]) =>
  (): readonly Choice[] =>
    texts.map((text) => [text, text]);

const NAME: Field = { name: 'name', label: 'Name', type: 'text', half: true };
const EMAIL: Field = { name: 'email', label: 'Email', type: 'email', half: true };
const NOTE: Field = { name: 'note', label: 'Note', type: 'note' };

const customers: Kind = {
  name: 'customers',
  title: 'Customers',
  noun: 'customer',
  seeds: CUSTOMERS,
  fields: [
    NAME,
    { name: 'contact', label: 'Contact', type: 'text', half: true },
    EMAIL,
    { name: 'phone', label: 'Phone', type: 'tel', half: true },
    { name: 'address', label: 'Address', type: 'text', half: true },
    {
      name: 'terms',
      label: 'Terms',
      type: 'choice',
      half: true,
      choices: some('14 days', '30 days', '60 days'),
    },
    NOTE,
  ],
  headingOf: (_id, values) => textOf(values, 'name') || 'Customer without a name',
  rowOf: (id, values, records) => {
    const open = records
      .list(invoices)
      .filter((one) => one.values['customer'] === id && one.values['status'] !== 'Paid');
    const owed = open.reduce((sum, one) => sum + totalOf(linesOf(one.values, 'lines')), 0);
    return {
      title: textOf(values, 'name') || 'No name',
      aside: owed > 0 ? moneyOf(owed) : '–',
      about: textOf(values, 'contact') || id,
    };
  },
};

const invoices: Kind = {
  name: 'invoices',
  title: 'Invoices',
  noun: 'invoice',
  seeds: INVOICES,
  fields: [
    {
      name: 'customer',
      label: 'Customer',
      type: 'choice',
      choices: (records) => records.list(customers).map(({ id, values }) => [id, textOf(values, 'name')]),
    },
    {
      name: 'status',
      label: 'Status',
      type: 'choice',
      half: true,
      choices: some('Draft', 'Sent', 'Overdue', 'Paid'),
    },
    { name: 'due', label: 'Due', type: 'date', half: true },
    { name: 'lines', label: 'Lines', type: 'lines' },
    NOTE,
  ],
  headingOf: (id) => `Invoice ${id}`,
  rowOf: (id, values, records) => {
    const customer = records.get(`customers/${textOf(values, 'customer')}`);
    return {
      title: customer ? textOf(customer.values, 'name') : 'No customer',
      aside: moneyOf(totalOf(linesOf(values, 'lines'))),
      about: `No. ${id} · ${textOf(values, 'status')}`,
    };
  },
};

const users: Kind = {
  name: 'users',
  title: 'Users',
  noun: 'user',
  seeds: USERS,
  fields: [
    NAME,
    {
      name: 'role',
      label: 'Task',
      type: 'choice',
      half: true,
      choices: some('Receivables', 'Payables', 'Controlling'),
    },
    EMAIL,
    { name: 'extension', label: 'Extension', type: 'tel', half: true },
    NOTE,
  ],
  headingOf: (id, values) => textOf(values, 'name') || id,
  rowOf: (id, values) => ({
    title: textOf(values, 'name') || id,
    aside: textOf(values, 'extension') && `ext. ${textOf(values, 'extension')}`,
    about: textOf(values, 'role'),
  }),
};

export const KINDS: readonly Kind[] = [invoices, customers, users];
/** What is shown first, and what people are. */
export const FIRST_KIND: Kind = invoices;
export const PEOPLE_KIND: Kind = users;

/** The kind and the id in `invoices/1042`. */
export function partsOf(resource: string): { readonly kind: Kind; readonly id: string } | undefined {
  const [name = '', id = ''] = resource.split('/');
  const kind = KINDS.find((one) => one.name === name);
  return kind && Object.hasOwn(kind.seeds, id) ? { kind, id } : undefined;
}
