import { Anchor, type AnchorProps } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface Props extends Omit<AnchorProps, "children"> {
  to: string;
  search?: Record<string, unknown>;
  children: ReactNode;
}

// GoTo is a link to a page of the portal.
export function GoTo({ to, search, children, ...rest }: Props) {
  return (
    <Anchor component={Link} to={to} search={search as never} {...rest}>
      {children}
    </Anchor>
  );
}
