import { mintToken } from 'lastcall';
import { SECRET } from '../support/config.js';
import { Random } from '../support/random.js';
import type { PeopleCommand, PeopleReport, PeopleStart } from './messages.js';
import { Person } from './person.js';

/** People with the SDK, in a process that can be frozen. */

const LOOK_EVERY_MS = 50;

function start({ url, tenant, names, seed }: PeopleStart): void {
  const report = (message: PeopleReport): void => void process.send?.(message);
  const people = names.map((name, i) => {
    const token = () => mintToken(SECRET, { sub: name, tenant, name: `${name} by name`, roles: ['user'] });
    return new Person({ name, url, token, random: new Random(seed + i), report });
  });
  let lateMs = 0;
  let before = performance.now();
  setInterval(() => {
    const now = performance.now();
    lateMs = Math.max(lateMs, now - before - LOOK_EVERY_MS);
    before = now;
  }, LOOK_EVERY_MS);
  process.on('message', (command: PeopleCommand) => {
    if (command.verb === 'rest') for (const person of people) person.rest();
    else if (command.verb === 'look') {
      report({ kind: 'looks', id: command.id, looks: people.map((person) => person.look()), lateMs });
    } else void Promise.all(people.map((person) => person.leave())).then(() => process.exit(0));
  });
  for (const person of people) {
    // Whoever fails ends the process, which the run notices.
    void person.work();
  }
}

process.once('disconnect', () => process.exit(1));
start(JSON.parse(process.argv[2] ?? '{}') as PeopleStart);
