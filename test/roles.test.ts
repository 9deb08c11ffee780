import { type Identity, type LastcallError, ROLES } from '@lastcall/shared';
import { expect } from 'chai';
import { ACTIONS, type Action, allows, authorize } from 'lastcall/internal/auth/index.js';

const identity = (...roles: string[]): Identity => ({
  tenant: 'acme',
  user: { id: 'ada', name: 'Ada', roles },
  issuedAt: 0,
  expiresAt: 0,
});
const isRoute = (action: Action) => action.includes('.') && action !== 'client.connect';
const isCheck = (action: Action) => action === 'sessions.check' || action === 'locks.check';
const isForAll = (action: Action) => action === 'nodes.list' || action === 'tenants.list';

const refusalOf = (run: () => void) => {
  try {
    run();
  } catch (error) {
    return error as LastcallError;
  }
  throw new Error('It was not refused.');
};

describe('roles: one table of rights', () => {
  it('[I3] lets each role do what it is for, for every action × role × tenant (H24, H29)', () => {
    for (const action of ACTIONS) {
      for (const role of [...ROLES, 'accountant']) {
        for (const where of ['own', 'other'] as const) {
          const expected = isRoute(action)
            ? role === 'operator' ||
              (where === 'own' &&
                ((role === 'admin' && !isForAll(action)) || (role === 'service' && isCheck(action))))
            : where === 'own' && role !== 'service';
          expect(allows(action, [role], where), `${action} ${role} ${where}`).to.equal(expected);
        }
      }
    }
  });

  it('denies what is not in the table and whoever has no role', () => {
    for (const action of ['constructor', 'toString', '', 'orders.destroy']) {
      expect(allows(action as Action, [...ROLES])).to.equal(false);
    }
    for (const action of ACTIONS) expect(allows(action, [])).to.equal(false);
  });

  it('adds roles up, but not an admin of one tenant with another tenant', () => {
    expect(allows('orders.create', ['user', 'service', 'admin'])).to.equal(true);
    expect(allows('orders.create', ['user', 'service', 'admin'], 'other')).to.equal(false);
  });

  it('refuses with forbidden and says what is missing', () => {
    expect(refusalOf(() => authorize('orders.create', identity('user')))).to.include({
      code: 'forbidden',
      message: 'You need the role admin or operator for this.',
    });
    expect(refusalOf(() => authorize('orders.create', identity('admin'), 'other')).message).to.match(
      /own tenant only/,
    );
    expect(refusalOf(() => authorize('heartbeat', identity())).code).to.equal('forbidden');
    expect(refusalOf(() => authorize('client.connect', identity('service'))).message).to.equal(
      'You need a role other than service for this.',
    );
    authorize('client.connect', identity('service', 'user'));
    authorize('orders.create', identity('admin'), 'acme');
    authorize('orders.create', identity('operator'), 'other');
    authorize('nodes.list', identity('operator'));
  });
});
