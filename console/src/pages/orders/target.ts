import type { OrderExcept, OrderTarget } from '@lastcall/shared';
import { useFormat, useText } from '../../i18n/context.js';
import { ordersText } from './text/index.js';

/** Names that are written out; of more it is said how many there are. */
const LISTED = 5;

/** Says whom an order is for, or whom it leaves in. */
export function useTarget(): (target: OrderTarget | OrderExcept) => string {
  const say = useText(ordersText);
  const format = useFormat();
  const list = (names: readonly string[]): string => {
    const rest = names.length - LISTED;
    const shown = names.slice(0, LISTED).join(', ');
    return rest > 0 ? say('target.more', { names: shown, count: rest }) : shown;
  };
  return (target) => {
    const { sessions = [], users = [], roles = [], apps = [], minIdleMs } = target;
    if ('all' in target && target.all) return say('target.all');
    const parts = [
      sessions.length > 0 ? say('target.sessions', { count: sessions.length }) : '',
      users.length > 0 ? say('target.users', { names: list(users) }) : '',
      roles.length > 0 ? say('target.roles', { names: list(roles) }) : '',
      apps.length > 0 ? say('target.apps', { names: list(apps) }) : '',
      minIdleMs === undefined ? '' : say('target.idle', { time: format.duration(minIdleMs) }),
    ];
    return parts.filter((part) => part !== '').join(' · ');
  };
}
