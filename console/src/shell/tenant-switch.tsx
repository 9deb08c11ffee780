import { Select } from '@mantine/core';
import { useConsole } from '../data/context.js';
import { useCall } from '../data/use-call.js';
import { useText } from '../i18n/context.js';
import { Icon } from '../parts/icon.js';
import { shellText } from './text/index.js';

const MAX_TENANTS = 1_000;

function Choice() {
  const say = useText(shellText);
  const { api, tenant, switchTenant } = useConsole();
  const { value } = useCall('tenants', () => api.tenants({ limit: MAX_TENANTS }));
  const names = [...new Set([tenant, ...(value?.items ?? [])])];
  return (
    <Select
      aria-label={say('tenant')}
      data={names.toSorted()}
      value={tenant}
      onChange={(next) => next !== null && switchTenant(next)}
      searchable
      allowDeselect={false}
      limit={50}
      leftSection={<Icon name="tenant" size={16} />}
      comboboxProps={{ withinPortal: true }}
    />
  );
}

/** Which tenant is looked after; operators change it. */
export function TenantSwitch() {
  const { tenant, isOperator } = useConsole();
  if (isOperator) return <Choice />;
  return (
    <span className="lc-tenant">
      <Icon name="tenant" size={16} />
      <span>{tenant}</span>
    </span>
  );
}
