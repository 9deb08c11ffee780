import { byId, fill } from './dom.js';
import { header } from './header.js';
import { Office } from './office.js';
import { type Person, peopleOf, remember, remembered } from './people.js';
import { Records } from './records.js';
import { signInScreen } from './sign-in.js';

const root = byId('app');
const records = new Records();

function signIn(): void {
  remember(undefined);
  document.title = 'Ledger – a Lastcall demo';
  fill(root, header(), signInScreen(peopleOf(records), work));
  root.querySelector('h1')?.focus();
}

function work(person: Person): void {
  remember(person);
  document.title = `${person.name} – Ledger`;
  fill(root, new Office(person, records, signIn).element);
}

const person = remembered(peopleOf(records));
if (person) work(person);
else signIn();
