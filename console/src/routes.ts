import type { ComponentType } from 'react';
import { AuditPage } from './pages/audit/page.js';
import { LocksPage } from './pages/locks/page.js';
import { MaintenancePage } from './pages/maintenance/page.js';
import { OrdersPage } from './pages/orders/page.js';
import { OverviewPage } from './pages/overview/page.js';
import { PolicyPage } from './pages/policy/page.js';
import { ReviewPage } from './pages/review/page.js';
import { SessionsPage } from './pages/sessions/page.js';
import type { IconName } from './parts/icon.js';
import type { ShellKey } from './shell/text/en.js';

/** A page of the console: its address is `#/<id>`, its name the text `<id>` of the shell. */
export interface PageRoute {
  readonly id: ShellKey & IconName;
  readonly Page: ComponentType;
}

/** The pages, in the order of the menu. */
export const PAGES: readonly PageRoute[] = [
  { id: 'overview', Page: OverviewPage },
  { id: 'sessions', Page: SessionsPage },
  { id: 'orders', Page: OrdersPage },
  { id: 'maintenance', Page: MaintenancePage },
  { id: 'locks', Page: LocksPage },
  { id: 'audit', Page: AuditPage },
  { id: 'policy', Page: PolicyPage },
  { id: 'review', Page: ReviewPage },
];

/** Which page an address shows that names none: who is in is what administrators come for. */
export const FIRST_PAGE: PageRoute['id'] = 'sessions';
