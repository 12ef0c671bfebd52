import { Button, Group, List, Modal, Progress, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";
import { problemOf, type Problem } from "@/api/problem";
import { sum } from "@/lib/money";

import { Money } from "./Money";

interface Props<T> {
  of: T[]; // those of the chosen rows with which it can be done
  chosen: number;
  label: string; // of the button, with the count
  rest?: string; // said when it cannot be done with all that are chosen
  text: string; // what it does
  confirm: string;
  done: string;
  failed: string; // heads those that it could not be done with
  name: (x: T) => string;
  amount: (x: T) => { amount: string; currency: string };
  run: (x: T) => Promise<{ error?: unknown }>;
  then: () => void; // nothing is chosen any more
}

// Many is one step for several rows: what it comes to is said before, each is done by itself,
// and those that failed are named with the reason.
export function Many<T>({ of, chosen, label, rest, text, confirm, done, failed, name, amount, run, then }: Props<T>) {
  const { t } = useTranslation();
  const [list, setList] = useState<T[]>(); // as they were when it was begun
  const [at, setAt] = useState<number>();
  const [bad, setBad] = useState<{ name: string; problem: Problem }[]>();
  const busy = at !== undefined && bad === undefined;
  const close = () => {
    if (at !== undefined) then();
    setList(undefined);
    setAt(undefined);
    setBad(undefined);
  };
  const go = async (items: T[]) => {
    const failures: { name: string; problem: Problem }[] = [];
    setAt(0);
    for (const [i, x] of items.entries()) {
      try {
        const { error } = await run(x);
        if (error) failures.push({ name: name(x), problem: problemOf(error) });
      } catch (err) {
        failures.push({ name: name(x), problem: problemOf(err) });
      }
      setAt(i + 1);
    }
    setBad(failures);
    void queries.invalidateQueries();
    if (failures.length) return;
    notifications.show({ color: "teal", message: done });
    then();
    setList(undefined);
    setAt(undefined);
    setBad(undefined);
  };
  const currencies = [...new Set((list ?? []).map((x) => amount(x).currency))].sort();
  return (
    <>
      <Group gap="xs">
        <Button size="xs" leftSection={<IconCheck size={14} aria-hidden />} disabled={!of.length} onClick={() => setList(of)}>
          {label}
        </Button>
        {chosen > of.length && rest && (
          <Text size="xs" c="dimmed">
            {rest}
          </Text>
        )}
      </Group>
      {list && (
        <Modal opened onClose={close} title={label} closeOnClickOutside={!busy} closeOnEscape={!busy} closeButtonProps={{ "aria-label": t("close"), disabled: busy }}>
          <Stack>
            {at === undefined ? (
              <>
                <Text size="sm">{text}</Text>
                {currencies.map((c) => (
                  <Group key={c} justify="space-between">
                    <Text size="sm">{t("many.together")}</Text>
                    <Money fw={600} currency={c} amount={sum(list.map(amount).filter((a) => a.currency === c).map((a) => a.amount))} />
                  </Group>
                ))}
              </>
            ) : (
              <Progress value={(at / list.length) * 100} aria-label={t("many.progress", { done: at, all: list.length })} />
            )}
            {Boolean(bad?.length) && (
              <section aria-label={failed}>
                <Title order={3} size="h6">
                  {failed}
                </Title>
                <List size="sm">
                  {bad?.map((x) => (
                    <List.Item key={x.name} style={{ overflowWrap: "anywhere" }}>
                      {x.name}: {x.problem.detail} {x.problem.remedy}
                    </List.Item>
                  ))}
                </List>
              </section>
            )}
            <Group justify="flex-end">
              <Button variant="default" onClick={close} disabled={busy}>
                {t(bad ? "close" : "cancel")}
              </Button>
              {!bad && (
                <Button onClick={() => void go(list)} loading={busy}>
                  {confirm}
                </Button>
              )}
            </Group>
          </Stack>
        </Modal>
      )}
    </>
  );
}
