import { byId, fill } from './dom.js';
import { endedScreen, type Leaving } from './ended.js';
import { header } from './header.js';
import { Invoices } from './invoices.js';
import { type Person, remember, remembered } from './people.js';
import { signInScreen } from './sign-in.js';
import { Work } from './work.js';

const root = byId('app');
const invoices = new Invoices();

function signIn(): void {
  remember(undefined);
  document.title = 'Ledger – a Lastcall demo';
  fill(root, header(undefined), signInScreen(work));
}

function work(person: Person): void {
  remember(person);
  document.title = `${person.name} – Ledger`;
  const desk = new Work(person, invoices, (leaving) => {
    leave(person, leaving);
  });
  fill(root, desk.element);
}

function leave(person: Person, leaving: Leaving): void {
  remember(undefined);
  document.title = 'Signed out – Ledger';
  const again = (): void => {
    work(person);
  };
  fill(root, header(undefined), endedScreen(leaving, again, signIn));
  root.querySelector('h1')?.focus();
}

const person = remembered();
if (person) work(person);
else signIn();
