import { Badge, Chip, Group, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";

import type { Change } from "./diff";
import type { Row } from "./mapping";
import { short } from "./rates";
import { kinds, type Kind } from "./search";

const tones: Record<Kind, string> = { new: "blue", up: "red", down: "teal", mixed: "yellow", removed: "gray", unchanged: "gray" };
const signs: Record<Kind, string> = { new: "+", up: "↑", down: "↓", mixed: "↕", removed: "−", unchanged: "=" };

// Price shows what a row charges, with its currency, unit and steps.
export function Price({ row }: { row: Row | undefined }) {
  const { t } = useTranslation("sheets");
  if (!row) return <Text span c="dimmed">–</Text>;
  if (row.blocked) return <>{t("blocked")}</>;
  return (
    <span className="numbers">
      {short(row.rate)} <small>{t("per", { currency: row.currency, seconds: row.unit_seconds, min: row.minimum_seconds, inc: row.increment_seconds })}</small>
    </span>
  );
}

// ChangesTable shows what a sheet makes of each code, and counts it by kind.
export function ChangesTable({ changes, of, kind, onKind, file }: { changes: Change[]; of: Record<Kind, number>; kind: Kind | undefined; onKind: (k: Kind | undefined) => void; file: string }) {
  const { t, i18n } = useTranslation("sheets");
  const shown = useMemo(() => (kind ? changes.filter((c) => c.kind === kind) : changes), [changes, kind]);
  const price = (r: Row | undefined) => (r ? (r.blocked ? "blocked" : r.rate) : "");
  return (
    <DataTable
      label={t("changes")}
      rows={fixedRows(shown)}
      rowKey={(c) => `${c.prefix}/${c.origin}/${c.before?.band ?? c.after?.band}`}
      file={file}
      height={460}
      empty={<Empty title={t("noChanges")} />}
      toolbar={
        <Chip.Group multiple={false} value={kind ?? ""} onChange={(v) => onKind(kinds.find((k) => k === v))}>
          <Group gap={6} role="group" aria-label={t("kindFilter")}>
            <Chip value="" size="xs">
              {t("all")} {changes.length.toLocaleString(i18n.language)}
            </Chip>
            {kinds.map((k) => (
              <Chip key={k} value={k} size="xs">
                {signs[k]} {t(`kinds.${k}`)} {of[k].toLocaleString(i18n.language)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      }
      columns={[
        {
          id: "kind",
          header: t("change"),
          width: "130px",
          cell: (c) => (
            <Badge variant="light" color={tones[c.kind]} className="state">
              {signs[c.kind]} {t(`kinds.${c.kind}`)}
            </Badge>
          ),
          value: (c) => c.kind,
        },
        { id: "destination", header: t("fields.destination"), width: "minmax(160px, 2fr)", cell: (c) => c.destination, value: (c) => c.destination },
        { id: "prefix", header: t("fields.prefix"), width: "130px", cell: (c) => <span className="numbers">{c.origin ? `${c.origin} → ${c.prefix}` : c.prefix}</span>, value: (c) => c.prefix },
        { id: "before", header: t("before"), right: true, width: "230px", cell: (c) => <Price row={c.before} />, value: (c) => price(c.before) },
        { id: "after", header: t("after"), right: true, width: "230px", cell: (c) => <Price row={c.after} />, value: (c) => price(c.after) },
      ]}
    />
  );
}
