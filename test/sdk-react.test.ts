import { createClient } from '@lastcall/client';
import { createClient as createCoreClient } from '@lastcall/client/core';
import { LastcallProvider, useClient, useRecordLock, useSession } from '@lastcall/client/react';
import { expect } from 'chai';
import { createElement as h, type ReactElement } from 'react';
import { renderToString } from 'react-dom/server';
import { drawnByServer } from './support/react-server.js';

const OPTIONS = { url: 'http://127.0.0.1:1', token: 'none' };

describe('SDK: React on a server', () => {
  it('[R3] draws what a client knows that was never connected, and connects nothing', () => {
    const client = createClient(OPTIONS);
    const html = drawnByServer(client);
    expect(html).to.include('<p id="session">idle</p>').and.include('<p id="phase">unknown</p>');
    expect(html).to.include('<p id="others">blind</p>').and.not.include('alert');
    expect(client.getSnapshot().status).to.equal('idle');
  });

  it('[R3] draws that also when its client is in use', async () => {
    const client = createClient(OPTIONS);
    client.connect().catch(() => undefined);
    expect(client.getSnapshot().status).to.equal('connecting');
    const Status = (): ReactElement => h('p', null, useSession().status);
    expect(renderToString(h(LastcallProvider, { client }, h(Status)))).to.equal('<p>idle</p>');
    client.close();
  });

  it('says what is missing: a provider, or a client with locks', () => {
    const Locked = (): ReactElement => h('p', null, useRecordLock('invoices/7').phase);
    const Bare = (): ReactElement => h('p', null, typeof useClient());
    expect(() => renderToString(h(Bare))).to.throw('There is no <LastcallProvider>');
    const client = createCoreClient(OPTIONS);
    expect(renderToString(h(LastcallProvider, { client }, h(Bare)))).to.equal('<p>object</p>');
    expect(() => renderToString(h(LastcallProvider, { client }, h(Locked)))).to.throw('has no locks');
  });
});
