import { Input } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  id: string;
  label: string;
  help?: string;
  error: string | null;
  required?: boolean;
  /** Twelve make a line. */
  width?: number;
  /** In rows, the line above them says what each column is. */
  bare?: boolean;
  children: ReactNode;
}

/** Label above, help and what is wrong below: the same for every field. */
export function Frame({ id, label, help, error, required, width = 6, bare, children }: Props) {
  return (
    <div className="ff" style={{ gridColumn: `span ${width}` }}>
      <Input.Wrapper
        id={id}
        label={
          <span className={bare ? 'sr' : undefined}>
            {label}
            {required && <span className="req"> required</span>}
          </span>
        }
        description={bare ? undefined : help}
        error={error}
        errorProps={{ role: 'alert' }}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
      >
        {children}
      </Input.Wrapper>
    </div>
  );
}
