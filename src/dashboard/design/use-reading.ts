import { useState, type FocusEvent } from 'react';

interface Reading {
  /** Whether somebody goes through the rows by keyboard: what is live must then not move under the focus. */
  readonly reading: boolean;
  /** For the element around the rows. */
  readonly watched: {
    onFocus: (event: FocusEvent<HTMLElement>) => void;
    onBlur: (event: FocusEvent<HTMLElement>) => void;
  };
}

/** Tells whether a link or button among live rows has the keyboard's focus. A press of the mouse does not count. */
export function useReading(): Reading {
  const [reading, setReading] = useState(false);
  return {
    reading,
    watched: {
      onFocus: ({ target }) => setReading(target.matches('tbody :focus-visible')),
      onBlur: ({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) setReading(false);
      },
    },
  };
}
