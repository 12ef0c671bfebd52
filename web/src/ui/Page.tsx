import { Anchor, Breadcrumbs, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { Link, useLocation } from "@tanstack/react-router";
import { startTransition, useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { passing, problemOf } from "@/api/problem";
import { useReach } from "@/api/reach";
import { later } from "@/lib/later";

import { ProblemAlert } from "./ProblemAlert";
import { When } from "./When";

export interface Crumb {
  text: ReactNode;
  to: string;
}

interface Props {
  title: ReactNode;
  name?: string; // in the browser's title, where title is not a text
  lead?: ReactNode; // one sentence beneath
  crumbs?: Crumb[];
  actions?: ReactNode;
  children: ReactNode;
}

let arrived = false; // some page was shown before

// Page is the frame of every page: where one is, what it is called, what one can do. Who
// comes to it from another page by keyboard, or reads by ear, starts at its title. What
// stands beneath is drawn after the title is to be seen, in slices between which the
// browser answers: a long table keeps nobody waiting for the sign that the click counted.
export function Page({ title, name, lead, crumbs, actions, children }: Props) {
  const text = name ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = text ? `${text} · Lateral` : "Lateral";
  }, [text]);
  const [drawn, draw] = useState(false);
  useEffect(() => later(() => startTransition(() => draw(true))), []);
  const heading = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    if (arrived) heading.current?.focus({ preventScroll: true });
    arrived = true;
  }, [pathname]);
  return (
    <Stack gap="lg">
      <div>
        {crumbs && (
          <Breadcrumbs mb={4} separatorMargin={6} component="nav" aria-label="Breadcrumb">
            {crumbs.map((c) => (
              <Anchor component={Link} to={c.to} size="sm" key={c.to}>
                {c.text}
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group justify="space-between" align="flex-end" gap="sm">
          <div>
            <Title order={1} size="h2" tabIndex={-1} id="page-title" ref={heading}>
              {title}
            </Title>
            {lead && (
              <Text c="dimmed" size="sm" mt={4}>
                {lead}
              </Text>
            )}
          </div>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
      </div>
      {drawn && children}
    </Stack>
  );
}

interface Answer<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
  dataUpdatedAt?: number; // ms since 1970
}

// Stale says that what is shown is of a while ago, and why it is not newer. While the node
// is away the page's banner says why.
export function Stale({ error, at, retry }: { error: unknown; at?: number; retry?: () => void }) {
  const { t } = useTranslation();
  const away = useReach().state === "away";
  if (!error) return null;
  return (
    <>
      {!(away && passing(problemOf(error))) && <ProblemAlert error={error} retry={retry} />}
      {Boolean(at) && (
        <Text size="xs" c="dimmed" mb={4}>
          {t("reach.asOf")} <When at={new Date(at!).toISOString()} size="xs" />
        </Text>
      )}
    </>
  );
}

// Loaded shows what a query gave; while it is under way its outline, and a problem as such.
export function Loaded<T>({ of, children, lines = 4 }: { of: Answer<T>; children: (data: T) => ReactNode; lines?: number }) {
  const { t } = useTranslation();
  if (of.data !== undefined) {
    return (
      <>
        <Stale error={of.error} at={of.dataUpdatedAt} retry={() => of.refetch()} />
        {children(of.data)}
      </>
    );
  }
  if (of.error) return <ProblemAlert error={of.error} retry={() => of.refetch()} />;
  return (
    <Stack gap="sm" role="status" aria-label={t("loading")}>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={i ? 18 : 32} width={i ? `${95 - i * 9}%` : "40%"} />
      ))}
    </Stack>
  );
}
