import { Menu } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Fragment } from 'react';
import { kindLabel } from '@/api/kinds';
import { grouped } from './groups';

/** Every kind with one line on what it is for, without leaving the list first. */
export function NewMenu() {
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" width={380}>
      <Menu.Target>
        <button type="button" className="btn p">
          <Plus className="i s" aria-hidden /> New…
        </button>
      </Menu.Target>
      <Menu.Dropdown className="kindmenu">
        {grouped().map(({ title, kinds }) => (
          <Fragment key={title}>
            <Menu.Label>{title}</Menu.Label>
            {kinds.map((kind) => (
              <Menu.Item
                key={kind.key}
                onClick={() => void navigate({ to: '/documents/new', search: { kind: kind.plural } })}
              >
                <b className="b5">{kindLabel(kind)}</b>
                <span className="sm dim menusay">{kind.summary}</span>
              </Menu.Item>
            ))}
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
