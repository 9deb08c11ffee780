import { readFileSync } from 'node:fs';
import { ERRORS, type ErrorCode, LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import { parse, problemSchema, wireErrorSchema } from 'lastcall/internal/schema/index.js';

const codes = Object.keys(ERRORS) as ErrorCode[];

/** The section on errors of the contract. */
function section(): string {
  const text = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  const found = /^## 7\. Errors\n([^]*?)(?=^## )/m.exec(text)?.[1];
  if (found === undefined) throw new Error('docs/protocol.md has no section "7. Errors".');
  return found;
}

const quoted = (text: string) => [...text.matchAll(/`([a-z_]+)`/g)].map((match) => match[1] ?? '');

describe('errors: registry = document', () => {
  it('lists the same codes', () => {
    const list = /^Codes: ([^]*?) HTTP: /m.exec(section())?.[1] ?? '';
    // What stands in brackets belongs to a code and is none itself.
    expect(quoted(list.replace(/\([^)]*\)/g, ''))).to.have.members(codes);
  });

  it('gives the same HTTP status', () => {
    const [, line = ''] = / HTTP: ([^]*?)\.\n/.exec(section()) ?? [];
    const stated = new Map<string, number>();
    for (const [, names = '', status] of line.matchAll(/((?:`[a-z_]+`\/?)+)[^`]*? (\d{3})/g)) {
      for (const name of quoted(names)) stated.set(name, Number(status));
    }
    expect(stated.size).to.be.greaterThan(10);
    // Refusals of sessions, locks and orders that the line does not name one by one are conflicts.
    for (const code of codes) expect(ERRORS[code].status, code).to.equal(stated.get(code) ?? 409);
  });
});

describe('errors: over the wire', () => {
  it('survives the wire with all that belongs to it', () => {
    const error = new LastcallError('locked', 'Somebody else is editing this.', {
      blockers: [],
      retryAfterMs: 5,
      terminal: false,
    });
    const wire = error.toWire();
    expect(parse(wireErrorSchema, JSON.parse(JSON.stringify(wire)))).to.deep.equal(wire);
    const back = LastcallError.fromWire(wire);
    expect(back).to.include({
      code: 'locked',
      message: error.message,
      status: 423,
      retryable: true,
      terminal: false,
    });
    expect(back.extras).to.deep.equal(error.extras);
  });

  it('takes a code it does not know as one that is safe to retry', () => {
    for (const code of ['newer', 'toString', '__proto__']) {
      const error = LastcallError.fromWire({ code: code as ErrorCode, message: 'x' });
      expect(error).to.include({ code: 'unavailable', retryable: true });
    }
  });

  it('knows every code as a problem', () => {
    for (const code of codes) {
      const { status } = ERRORS[code];
      parse(problemSchema, { type: 'about:blank', title: code, status, detail: 'What to do.', code });
    }
  });
});
