import type { Line, Values } from './values.js';

/** What the office begins with, by kind and id. */
type Seeds = Readonly<Record<string, Values>>;

function customer(name: string, contact: string, city: string, terms: string): Values {
  const domain = name
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/[^a-z]+/g, '');
  return {
    name,
    contact,
    email: `accounts@${domain}.example`,
    phone: '',
    address: city,
    terms,
    note: '',
  };
}

function invoice(customerId: string, status: string, due: string, lines: readonly Line[]): Values {
  return { customer: customerId, status, due, lines, note: '' };
}

const line = (text: string, quantity: number, price: number): Line => ({ text, quantity, price });

export const CUSTOMERS: Seeds = {
  'c-201': customer('Harbour Bakery', 'Ines Calder', '4 Quay Street, Bristol', '14 days'),
  'c-202': customer('Northgate Dental', 'Dr Tom Renn', '81 High Road, Leeds', '30 days'),
  'c-203': customer('Marlow & Sons', 'Peter Marlow', '2 Mill Lane, Marlow', '30 days'),
  'c-204': customer('Café Aurora', 'Lucía Ferrer', '19 Arcade Row, Bath', '14 days'),
  'c-205': customer('Fenwick Cycles', 'Sam Fenwick', '7 Station Yard, York', '30 days'),
  'c-206': customer('Tidewater Press', 'Noor Haddad', '33 Dock Road, Hull', '60 days'),
};

export const INVOICES: Seeds = {
  '1041': invoice('c-201', 'Sent', '2031-06-14', [
    line('Oven maintenance', 1, 480),
    line('Door seal', 2, 36.5),
  ]),
  '1042': invoice('c-202', 'Draft', '2031-06-20', [
    line('Annual support', 1, 1_250),
    line('On-site visit', 3, 95),
  ]),
  '1043': invoice('c-203', 'Paid', '2031-06-28', [line('Bookkeeping, May', 12, 68)]),
  '1044': invoice('c-204', 'Sent', '2031-07-02', [
    line('Espresso machine, rental', 1, 210),
    line('Beans, 5 kg', 4, 74.9),
  ]),
  '1045': invoice('c-205', 'Overdue', '2031-05-30', [
    line('Workshop lease, June', 1, 940),
    line('Tool service', 2, 120),
  ]),
  '1046': invoice('c-206', 'Draft', '2031-07-15', [
    line('Catalogue, 64 pages', 500, 3.2),
    line('Proofs', 2, 45),
  ]),
};

/** Whoever signs in is one of these. */
export const USERS: Seeds = {
  ada: { name: 'Ada', role: 'Receivables', email: 'ada@ledger.example', extension: '11', note: '' },
  grace: { name: 'Grace', role: 'Receivables', email: 'grace@ledger.example', extension: '12', note: '' },
  linus: { name: 'Linus', role: 'Payables', email: 'linus@ledger.example', extension: '21', note: '' },
  margaret: {
    name: 'Margaret',
    role: 'Controlling',
    email: 'margaret@ledger.example',
    extension: '30',
    note: '',
  },
};
