import type { AnchorHTMLAttributes, MouseEvent } from 'react';
import { hrefOf, navigate } from './router';

/** A link to a path below /dashboard; with a modifier key the browser opens it as any other. `stay`: without scrolling. */
export function Link(props: { to: string; stay?: boolean } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const { to, stay = false, onClick, ...rest } = props;
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to, { stay });
  };
  return <a {...rest} href={hrefOf(to)} onClick={follow} />;
}
