import { Menu } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { ChevronDown, MoreHorizontal } from 'lucide-react';
import { STARTS } from './starts';

/** Opens a new document that already names the service. */
export function ServiceStarts({ service, inRow }: { service: string; inRow?: boolean }) {
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" width={320}>
      <Menu.Target>
        {inRow ? (
          <button
            type="button"
            className="btn q ic"
            style={{ height: 24 }}
            aria-label={`Change how ${service} is called`}
          >
            <MoreHorizontal className="i s" aria-hidden />
          </button>
        ) : (
          <button type="button" className="btn">
            Routes and limits <ChevronDown className="i s" aria-hidden />
          </button>
        )}
      </Menu.Target>
      <Menu.Dropdown>
        {STARTS.map(({ plural, title, says }) => (
          <Menu.Item
            key={plural}
            onClick={() => void navigate({ to: '/documents/new', search: { kind: plural, service } })}
          >
            <b className="b5">{title}</b>
            <span className="sm dim menusay">{says}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
