import { Alert, Anchor, Badge, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Loaded, Page } from "@/ui/Page";
import { Subject } from "@/ui/Subject";
import { When } from "@/ui/When";

import { Hash, useBilaterals } from "./parts";

type Problem = Schema<"PartnerProblem">;
type Rival = Schema<"Rival">;

// ProblemsPage shows what does not go on by itself, where states differ, and who has
// signed against itself.
export function ProblemsPage() {
  const { t } = useTranslation("trust");
  const may = useMay();
  return (
    <Page title={t("problemsTitle")} lead={t("problemsLead")}>
      {may("list-problems") && <Problems />}
      {may("list-bilaterals") && <Divergences />}
      {may("list-evidence") && <Rivals />}
    </Page>
  );
}

function Problems() {
  const { t } = useTranslation("trust");
  const rows = usePages("/v1/problems", {});
  const columns: Column<Problem>[] = [
    { id: "partner", header: t("partner"), width: "110px", cell: (p) => <Anchor component={Link} to={`/partners/${encodeURIComponent(p.partner)}`} size="sm">{p.partner}</Anchor>, value: (p) => p.partner },
    { id: "detail", header: t("detail"), width: "minmax(260px, 2fr)", cell: (p) => <Text size="sm" truncate title={p.detail}>{p.detail}</Text>, value: (p) => p.detail },
    { id: "remedy", header: t("remedy"), width: "minmax(220px, 2fr)", cell: (p) => <Text size="sm" truncate title={p.remedy}>{p.remedy}</Text>, value: (p) => p.remedy },
    { id: "needs", header: t("needs"), width: "150px", cell: (p) => p.needs && <Badge variant="light" className="state" color={p.needs === "person" ? "yellow" : "gray"}>{t(`need.${p.needs}`)}</Badge>, value: (p) => p.needs },
    { id: "subject", header: t("subject"), width: "minmax(180px, 1fr)", cell: (p) => <Subject of={p.subject} partner={p.partner} />, value: (p) => p.subject },
    { id: "code", header: t("ui:problem.code"), width: "150px", cell: (p) => p.code, value: (p) => p.code },
    { id: "tries", header: t("tries"), width: "80px", right: true, cell: (p) => p.tries, value: (p) => p.tries },
  ];
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("failing")}
      </Title>
      <DataTable label={t("failing")} columns={columns} rows={rows} rowKey={(p) => `${p.partner}/${p.subject}/${p.code}`} file="problems" height={420} empty={<Empty icon={<IconCircleCheck />} title={t("noProblems")}>{t("noProblemsText")}</Empty>} />
    </Stack>
  );
}

function Divergences() {
  const { t } = useTranslation("trust");
  const list = useBilaterals();
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("divergenceTitle")}
      </Title>
      <Loaded of={list} lines={2}>
        {({ items }) => {
          const bad = items.filter((b) => b.problem || b.divergence || b.signed_twice?.length || b.unanswered_since);
          if (!bad.length) return <div className="rows"><Empty icon={<IconCircleCheck />} title={t("noDivergence")}>{t("noDivergenceText")}</Empty></div>;
          return bad.map((b) => (
            <Alert key={b.channel} color={b.divergence && !b.divergence.closed ? "red" : "yellow"} title={`${b.partner} · ${b.state}`} role="note">
              <Stack gap={4}>
                {b.problem && <Text size="sm">{b.problem}</Text>}
                {b.divergence && (
                  <Text size="sm">
                    {b.divergence.searching ? t("searching") : t("differsAt", { height: b.divergence.height ?? 0, kind: b.divergence.kind ?? "" })} {b.divergence.silent && t("silent", { partner: b.divergence.silent })}
                  </Text>
                )}
                {b.divergence?.evidence && (
                  <Text size="sm" component="div">
                    {t("evidence")} <Hash of={b.divergence.evidence} name={t("evidence")} />
                  </Text>
                )}
                {b.unanswered_since && (
                  <Text size="sm">
                    {t("unanswered")} <When at={b.unanswered_since} />
                  </Text>
                )}
                {b.signed_twice?.map((s) => (
                  <Text size="sm" component="div" key={`${s.key}/${s.one.head.size}`}>
                    {t("signedTwice", { member: s.member, size: s.one.head.size })} <Hash of={s.one.head.root} name={t("logRoot")} /> <Hash of={s.two.head.root} name={t("logRoot")} />
                  </Text>
                ))}
              </Stack>
            </Alert>
          ));
        }}
      </Loaded>
    </Stack>
  );
}

function Rivals() {
  const { t } = useTranslation("trust");
  const rows = usePages("/v1/network/evidence", {});
  const columns: Column<Rival>[] = [
    { id: "member", header: t("member"), width: "110px", cell: (r) => r.member ?? "–", value: (r) => r.member },
    { id: "height", header: t("height"), width: "100px", right: true, cell: (r) => r.height, value: (r) => r.height },
    { id: "number", header: t("number"), width: "100px", right: true, cell: (r) => r.number, value: (r) => r.number },
    { id: "sender", header: t("sender"), width: "190px", cell: (r) => <Hash of={r.sender} name={t("sender")} />, value: (r) => r.sender },
    { id: "final", header: t("finalOne"), width: "190px", cell: (r) => <Hash of={r.final} name={t("finalOne")} />, value: (r) => r.final },
    { id: "rival", header: t("rivalOne"), width: "190px", cell: (r) => <Hash of={r.rival} name={t("rivalOne")} />, value: (r) => r.rival },
  ];
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("rivalsTitle")}
      </Title>
      <DataTable label={t("rivalsTitle")} columns={columns} rows={rows} rowKey={(r) => `${r.channel}/${r.sender}/${r.number}/${r.rival}`} file="evidence" height={420} empty={<Empty icon={<IconCircleCheck />} title={t("noRivals")}>{t("noRivalsText")}</Empty>} />
    </Stack>
  );
}
