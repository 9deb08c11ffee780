import { expect } from 'chai';
import { createLogger, hashId } from 'lastcall/internal/log.js';

function capture(production: boolean) {
  const lines: string[] = [];
  const log = createLogger({
    logLevel: 'debug',
    production,
    destination: { write: (line: string) => lines.push(line) },
  });
  return { log, lines };
}

describe('log', () => {
  const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';
  const SESSION = '01970000-0000-7000-8000-000000000001';

  for (const production of [true, false]) {
    it(`keeps tokens, keys and session ids out of it ${production ? 'in production' : 'in development'} (H28)`, () => {
      const { log, lines } = capture(production);
      const secret = {
        token: 'hunter2',
        resume: { sessionId: SESSION, key: 'hunter2' },
        password: 'hunter2',
      };
      log.info(
        { ...secret, handshake: { auth: secret }, req: { headers: { authorization: 'hunter2' } } },
        'opened',
      );
      log.error({ err: new Error(`bad token ${TOKEN}`) }, `refused ${TOKEN}`);
      log.info(
        { req: { url: `/v1/tenants/acme/sessions/${SESSION}` }, sessionId: SESSION, sid: SESSION },
        'request',
      );
      log.child({ sessionId: SESSION }).warn('child');
      const text = lines.join('');
      expect(lines).to.have.length(4);
      expect(text).not.to.include('hunter2').and.not.to.include(TOKEN).and.not.to.include(SESSION);
      expect(text).to.include(hashId(SESSION));
    });
  }

  it('keeps what was sent to the store out of it when the store refuses a command (H28)', () => {
    const { log, lines } = capture(true);
    const refusal = Object.assign(new Error('ERR no'), {
      command: { name: 'fcall', args: [SESSION, 'hunter2'] },
    });
    log.error({ err: refusal }, 'a handler failed');
    expect(lines[0]).to.include('fcall').and.not.to.include('hunter2').and.not.to.include(SESSION);
  });

  it('writes one JSON object per line in production, with the level and the instant', () => {
    const { log, lines } = capture(true);
    log.warn({ user: 'ada\r\n{"level":"fatal"}' }, 'a\nb');
    expect(lines[0]).to.match(/^[^\n]+\n$/);
    expect(JSON.parse(lines[0] ?? '')).to.deep.include({
      level: 'warn',
      msg: 'a\nb',
      user: 'ada\r\n{"level":"fatal"}',
    });
    log.trace('unheard');
    expect(lines).to.have.length(1);
  });

  it('lets no value forge a line in development (H26)', () => {
    const { log, lines } = capture(false);
    log.info({ user: 'ada\r\n\u001b[31mroot' }, 'signed in\n12:00:00 fatal');
    expect(lines[0]).to.match(
      /^\d\d:\d\d:\d\d\.\d{3} info {2}signed in\\n12:00:00 fatal user="ada\\r\\n\\u001b\[31mroot"\n$/,
    );
  });

  it('gives an id the same stand-in each time, and another id another one', () => {
    expect(hashId(SESSION))
      .to.equal(hashId(SESSION))
      .and.match(/^#[0-9a-f]{12}$/);
    expect(hashId(SESSION)).not.to.equal(hashId('another'));
  });
});
